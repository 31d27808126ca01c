/** A process that wants a whole processor, and ends with the one that started it. */
process.on('disconnect', () => process.exit(0))

function spin(): void {
  const end = performance.now() + 20
  while (performance.now() < end);
  setImmediate(spin)
}
spin()
