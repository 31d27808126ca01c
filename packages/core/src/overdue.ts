/** Steps in which time is counted: a process that stood still meanwhile is late for one of them only. */
const TICKS = 10

/** Calls `late` when so many milliseconds have passed, unless what it returns is called before. */
export function whenOverdue(milliseconds: number, late: () => void): () => void {
  let ticks = 0
  const timer = setInterval(() => {
    if (++ticks < TICKS) return
    clearInterval(timer)
    late()
  }, milliseconds / TICKS)
  return () => clearInterval(timer)
}
