/** Entry points of the script. Each takes `tensors` and `args`; the outputs come in the order stated. */
export const ENTRY_POINTS = ['average', 'mean', 'median', 'sgd', 'momentum', 'adam', 'equal'] as const
export type EntryPoint = (typeof ENTRY_POINTS)[number]

/**
 * What RedisAI runs (TorchScript as libtorch 1.11 compiles it, to which data types are numbers: 3 int32, 7 float64),
 * with the bits of core's kernels.
 *
 * Every operation is rounded to float32 by itself, in the order of `scalar-step.ts`: a product is a tensor of its own
 * before anything is added to it, and add and sub have no `alpha`, which libtorch would make a fused multiply-add of.
 * Every output is memory of its own: one that aliased an input would outlive it as a dangling pointer.
 *
 * - average: x_0 … x_{n−1} → their mean
 * - mean, median: x_0 … x_{n−1} → result, verdict on the inputs and the result
 * - sgd: state, gradient; args parameters, α, λ → next state, verdict
 * - momentum: state, gradient[, velocity]; args parameters, α, λ, μ, nesterov → next state, next velocity, verdict
 * - adam: state, gradient[, first, second]; args parameters, α, λ, κ, β₁, γ₁, β₂, γ₂, σ, ε → next state, next first,
 *   next second, verdict
 * - equal: a, b → int64[1]: 1 when they have the same bits
 *
 * A verdict is int64, the index of the first NaN or infinity of each vector or −1: of the gradient and all outputs
 * where nothing else is said. Moments that are left out are zeros.
 */
export const SOURCE = `
def first_non_finite(x: Tensor) -> int:
    found = torch.nonzero(torch.logical_not(torch.isfinite(x)))
    if found.size(0) == 0:
        return -1
    return int(found[0][0])

def verdict(tensors: List[Tensor]) -> Tensor:
    return torch.tensor([first_non_finite(x) for x in tensors])

def mean_of(tensors: List[Tensor]) -> Tensor:
    total = tensors[0].clone()
    for k in range(1, len(tensors)):
        total.add_(tensors[k])
    return total.div_(len(tensors))

def ordered(bits: Tensor) -> Tensor:
    return torch.where(bits < 0, torch.bitwise_xor(bits, 2147483647), bits)

def median_of(tensors: List[Tensor]) -> Tensor:
    n = len(tensors)
    length = tensors[0].size(0)
    out = torch.empty_like(tensors[0])
    for start in range(0, length, 65536):
        count = min(65536, length - start)
        keys = torch.stack([ordered(x.narrow(0, start, count).view(dtype=3)) for x in tensors])
        column, order = torch.sort(keys, 0)
        low = torch.to(ordered(column[(n - 1) // 2]).view(dtype=6), 7)
        high = torch.to(ordered(column[n // 2]).view(dtype=6), 7)
        out.narrow(0, start, count).copy_((low + high) * 0.5)
    return out

def moment(tensors: List[Tensor], index: int, parameters: int) -> Tensor:
    if index < len(tensors):
        return tensors[index]
    return torch.zeros_like(tensors[0].narrow(0, 0, parameters))

def with_buffers(parameters: Tensor, gradient: Tensor) -> Tensor:
    out = gradient.clone()
    out.narrow(0, 0, parameters.size(0)).copy_(parameters)
    return out

def average(tensors: List[Tensor], keys: List[str], args: List[str]):
    return mean_of(tensors)

def mean(tensors: List[Tensor], keys: List[str], args: List[str]):
    out = mean_of(tensors)
    return [out, verdict(tensors + [out])]

def median(tensors: List[Tensor], keys: List[str], args: List[str]):
    out = median_of(tensors)
    return [out, verdict(tensors + [out])]

def sgd(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = int(args[0])
    p = tensors[0].narrow(0, 0, n)
    decay = p * float(args[2])
    d = tensors[1].narrow(0, 0, n) + decay
    step = d * float(args[1])
    out = with_buffers(p - step, tensors[1])
    return [out, verdict([tensors[1], out])]

def momentum(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = int(args[0])
    mu = float(args[3])
    p = tensors[0].narrow(0, 0, n)
    decay = p * float(args[2])
    d = tensors[1].narrow(0, 0, n) + decay
    kept = moment(tensors, 2, n) * mu
    v = kept + d
    u = v
    if int(args[4]) == 1:
        ahead = v * mu
        u = d + ahead
    step = u * float(args[1])
    out = with_buffers(p - step, tensors[1])
    return [out, v, verdict([tensors[1], out, v])]

def adam(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = int(args[0])
    p = tensors[0].narrow(0, 0, n)
    decay = p * float(args[2])
    d = tensors[1].narrow(0, 0, n) + decay
    m = moment(tensors, 2, n) * float(args[4])
    m = m + d * float(args[5])
    square = d * d
    v = moment(tensors, 3, n) * float(args[6])
    v = v + square * float(args[7])
    denominator = torch.sqrt(v) / float(args[8])
    denominator = denominator + float(args[9])
    step = m * float(args[1])
    step = step / denominator
    shrunk = p * float(args[3])
    out = with_buffers(shrunk - step, tensors[1])
    return [out, m, v, verdict([tensors[1], out, m, v])]

def equal(tensors: List[Tensor], keys: List[str], args: List[str]):
    return torch.tensor([int(torch.equal(tensors[0].view(dtype=3), tensors[1].view(dtype=3)))])
`
