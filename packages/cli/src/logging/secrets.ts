import type { Options } from '@peergrad/core'
import { credentialTexts } from '../peer/admission.js'
import { redisUrl } from '../stores.js'

/** What no log may hold, of this peer: its secret, its invitation, the password of its database. */
export function secretsOf(options: Options): string[] {
  const { secret, invitation } = credentialTexts(options)
  return [secret, invitation, ...passwords(redisUrl(options))].filter(
    (text) => text !== undefined && text !== ''
  ) as string[]
}

/** As they stand in a URL, and as they are. */
function passwords(url: string | undefined): (string | undefined)[] {
  if (url === undefined || !URL.canParse(url)) return [url]
  const { password, searchParams } = new URL(url)
  return [password, decoded(password), searchParams.get('password') ?? undefined]
}

/** Undefined where a % stands for no character: that URL is refused where it is used. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Characters of a secret that is looked for; a shorter one would take every other word apart. */
const LEAST = 4

const INVITATION = /peergrad\d+\.[\w.-]+/g
const LOGIN = /([a-z][a-z+.-]*:\/\/)[^@/\s"]+@/gi

/** Takes secrets out of a line of JSON, wherever they stand; those of URLs and invitations whosever they are. */
export function concealing(secrets: readonly string[]): (line: string) => string {
  // the longest first: one may hold another
  const long = secrets.filter(({ length }) => length >= LEAST)
  const texts = [...new Set(long.flatMap((secret) => [JSON.stringify(secret).slice(1, -1), secret]))]
  texts.sort((a, b) => b.length - a.length)
  return (line) => {
    const without = texts.reduce((rest, text) => rest.replaceAll(text, '…'), line)
    return without.replace(INVITATION, 'peergrad….…').replace(LOGIN, '$1…@')
  }
}
