import type { GradientStore, Lease } from '@peergrad/core'

interface Loan {
  readonly lease: Promise<Lease>
  users: number
}

/** Model states on loan, each once for all who use it at the same time: a database on a server would send it to each. */
export class SharedStates {
  readonly #store: Pick<GradientStore, 'get'>
  readonly #loans = new Map<string, Loan>()

  constructor(store: Pick<GradientStore, 'get'>) {
    this.#store = store
  }

  /** Runs `work` with a lease of the state under `key`, which is not its own to release. */
  async use<R>(key: string, work: (state: Promise<Lease>) => Promise<R>): Promise<R> {
    const loan = this.#loans.get(key) ?? this.#lend(key)
    loan.users++
    try {
      return await work(loan.lease)
    } finally {
      if (--loan.users === 0) this.#giveBack(key, loan)
    }
  }

  #lend(key: string): Loan {
    const loan = { lease: this.#store.get(key), users: 0 }
    this.#loans.set(key, loan)
    return loan
  }

  #giveBack(key: string, { lease }: Loan): void {
    this.#loans.delete(key)
    lease.then(
      (lent) => lent.release(),
      // whoever used it was told
      () => undefined
    )
  }
}
