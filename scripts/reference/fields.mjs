import { isInterface, partsOf } from './declarations.mjs'

/** A table in Markdown. */
export function table(headings, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(headings), `|${'---|'.repeat(headings.length)}`, ...rows.map(line)].join('\n')
}

/** Renders fields, with links to the types that they refer to, and these types below. */
export class Fields {
  #declarations
  #types

  /** @param fields all that the page shows */
  constructor(declarations, fields) {
    this.#declarations = declarations
    this.#types = declarations.referredTo(fields)
  }

  table(fields) {
    const rows = fields.map(({ name, type, meaning }) => [code(name), this.#type(type), escaped(meaning)])
    return table(['field', 'type', 'meaning'], rows)
  }

  /** A section for each type that the page's fields refer to. */
  types() {
    return [...this.#types].map(([name, declaration]) => {
      const meaning = this.#declarations.meaning(declaration.name)
      const body = isInterface(declaration)
        ? this.table(this.#declarations.fields(declaration))
        : `\`\`\`ts\n${this.#declarations.aliased(declaration)}\n\`\`\``
      return `### type ${name}\n\n${meaning}\n\n${body}\n`
    })
  }

  #type(node) {
    return partsOf(node)
      .map((part) => {
        const text = this.#declarations.text(part)
        const name = text.replace(/\[\]$/, '')
        return this.#types.has(name) ? `[${code(text)}](#type-${name.toLowerCase()})` : code(text)
      })
      .join(' or ')
  }
}

function code(text) {
  return `\`${escaped(text)}\``
}

function escaped(text) {
  return text.replaceAll('|', '\\|')
}
