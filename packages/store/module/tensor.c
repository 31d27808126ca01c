#include "tensor.h"

#include <string.h>

Tensor *tensor_create(size_t length) {
  Buffer buffer = buffer_take(length * sizeof(float));
  if (buffer.memory == NULL) return NULL;
  Tensor *tensor = RedisModule_Calloc(1, sizeof *tensor);
  atomic_init(&tensor->references, 1);
  tensor->length = length;
  tensor->buffer = buffer;
  tensor->values = buffer_floats(buffer);
  return tensor;
}

Tensor *tensor_create_open(size_t length, TensorState state, uint32_t count) {
  Tensor *tensor = tensor_create(length);
  if (tensor == NULL) return NULL;
  tensor->state = state;
  tensor->count = count;
  tensor->applied = RedisModule_Calloc(tensor_regions(length), sizeof *tensor->applied);
  return tensor;
}

Tensor *tensor_hold(Tensor *tensor) {
  atomic_fetch_add_explicit(&tensor->references, 1, memory_order_relaxed);
  return tensor;
}

void tensor_release(Tensor *tensor) {
  /* the last one must see what the others did: FLUSHALL ASYNC lets go from a thread of Redis */
  if (tensor == NULL || atomic_fetch_sub_explicit(&tensor->references, 1, memory_order_acq_rel) != 1) return;
  buffer_release(tensor->buffer);
  RedisModule_Free(tensor->applied);
  RedisModule_Free(tensor);
}

size_t tensor_regions(size_t length) { return length == 0 ? 1 : (length + TENSOR_REGION - 1) / TENSOR_REGION; }

size_t tensor_region_length(const Tensor *tensor, size_t region) {
  size_t left = tensor->length - region * TENSOR_REGION;
  return left < TENSOR_REGION ? left : TENSOR_REGION;
}

int tensor_region_done(const Tensor *tensor, size_t region) {
  return tensor->applied == NULL || tensor->applied[region] == tensor->count;
}

int tensor_complete(const Tensor *tensor) {
  return tensor->state == TENSOR_SEALED || tensor->regionsDone == tensor_regions(tensor->length);
}

void tensor_seal(Tensor *tensor) {
  tensor->state = TENSOR_SEALED;
  RedisModule_Free(tensor->applied);
  tensor->applied = NULL;
}

int tensor_same(const Tensor *a, const Tensor *b) {
  return a == b || (a->length == b->length && memcmp(a->values, b->values, a->length * sizeof(float)) == 0);
}

size_t tensor_bytes(const void *value) {
  const Tensor *tensor = value;
  size_t regions = tensor->applied == NULL ? 0 : tensor_regions(tensor->length) * sizeof *tensor->applied;
  return sizeof *tensor + tensor->buffer.bytes + regions;
}
