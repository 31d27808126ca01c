/** Entry points of the script. Each takes `tensors` and `args`; the outputs come in the order stated. */
export const ENTRY_POINTS = ['average', 'mean', 'sgd', 'momentum', 'adam'] as const
export type EntryPoint = (typeof ENTRY_POINTS)[number]

/**
 * What RedisAI runs (TorchScript, as libtorch 1.11 compiles it), with the bits of core's kernels. What looks at bits
 * (equality, and the total order of the median) is not here: a script from source has no view of floats as integers.
 *
 * Every operation is rounded to float32 by itself, in the order of `scalar-step.ts`: a product is a tensor of its own
 * before anything is added to it, and add and sub have no `alpha`, which libtorch would make a fused multiply-add of.
 * `alone` copies each result: after a few runs libtorch compiles neighbouring operations into one, with fused
 * multiply-adds (seen in 1.11.0), and a copy between them is what it does not compile.
 * Its float32 square root is not always the nearest (seen too); that of a float64, rounded, is.
 * Every output is memory of its own: one that aliased an input would outlive it as a dangling pointer.
 *
 * - average: x_0 … x_{n−1} → their mean; where their sum overflows an infinity
 * - mean: x_0 … x_{n−1} → result, verdict on the inputs and the result
 * - sgd: state, gradient; args parameters, α, λ → next state, verdict
 * - momentum: state, gradient[, velocity]; args parameters, α, λ, μ, nesterov → next state, next velocity, verdict
 * - adam: state, gradient[, first, second]; args parameters, α, λ, κ, β₁, γ₁, β₂, γ₂, σ, ε → next state, next first,
 *   next second, verdict
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

def alone(x: Tensor) -> Tensor:
    return x.clone()

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

def sgd(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = int(args[0])
    p = tensors[0].narrow(0, 0, n)
    decay = alone(p * float(args[2]))
    d = alone(tensors[1].narrow(0, 0, n) + decay)
    step = alone(d * float(args[1]))
    out = with_buffers(alone(p - step), tensors[1])
    return [out, verdict([tensors[1], out])]

def momentum(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = int(args[0])
    mu = float(args[3])
    p = tensors[0].narrow(0, 0, n)
    decay = alone(p * float(args[2]))
    d = alone(tensors[1].narrow(0, 0, n) + decay)
    kept = alone(moment(tensors, 2, n) * mu)
    v = alone(kept + d)
    u = v
    if int(args[4]) == 1:
        ahead = alone(v * mu)
        u = alone(d + ahead)
    step = alone(u * float(args[1]))
    out = with_buffers(alone(p - step), tensors[1])
    return [out, v, verdict([tensors[1], out, v])]

def adam(tensors: List[Tensor], keys: List[str], args: List[str]):
    n = int(args[0])
    p = tensors[0].narrow(0, 0, n)
    decay = alone(p * float(args[2]))
    d = alone(tensors[1].narrow(0, 0, n) + decay)
    kept = alone(moment(tensors, 2, n) * float(args[4]))
    added = alone(d * float(args[5]))
    m = alone(kept + added)
    kept = alone(moment(tensors, 3, n) * float(args[6]))
    square = alone(d * d)
    added = alone(square * float(args[7]))
    v = alone(kept + added)
    root = torch.to(alone(torch.sqrt(torch.to(v, 7))), 6)
    corrected = alone(root / float(args[8]))
    denominator = alone(corrected + float(args[9]))
    scaled = alone(m * float(args[1]))
    step = alone(scaled / denominator)
    shrunk = alone(p * float(args[3]))
    out = with_buffers(alone(shrunk - step), tensors[1])
    return [out, m, v, verdict([tensors[1], out, m, v])]
`
