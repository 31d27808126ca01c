import ts from 'typescript'

/**
 * Types as their source declares and documents them, for the pages of docs/reference. What has no docstring is in
 * `undocumented`: a reference that says nothing of a field is none.
 */
export class Declarations {
  undocumented = new Set()
  #program
  #checker
  /** what docstrings may name in backticks, by name */
  #known

  /** @param known the file whose exports docstrings may name */
  constructor(files, known) {
    this.#program = ts.createProgram([...files, known], {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2024.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      skipLibCheck: true,
      types: []
    })
    this.#checker = this.#program.getTypeChecker()
    const module = this.#checker.getSymbolAtLocation(this.#program.getSourceFile(known))
    this.#known = new Map(this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]))
  }

  /** The type alias or interface of that name in a file. */
  declared(file, name) {
    return this.#program.getSourceFile(file).statements.find((each) => isType(each) && each.name.text === name)
  }

  /** Alternatives of a union type, each with the comment that stands before its bar. */
  alternatives(union) {
    const { fileName, text } = union.getSourceFile()
    return union.types.map((node, index) => {
      const before = index === 0 ? union.pos : union.types[index - 1].end
      const comments = ts.getLeadingCommentRanges(text, before) ?? []
      const meaning = comments.map(({ pos, end }) => oneLine(uncommented(text.slice(pos, end)))).join(' ')
      if (meaning === '') this.undocumented.add(`${fileName}: ${typeText(node)}`)
      return { node, meaning }
    })
  }

  /** Name, type and meaning of each field of an interface or a literal type. */
  fields(node) {
    return node.members.map(({ name, type, questionToken }) => ({
      name: name.getText() + (questionToken === undefined ? '' : '?'),
      type,
      meaning: oneLine(this.meaning(name))
    }))
  }

  /** The docstring of what is declared by this name. */
  meaning(name) {
    const parts = this.#checker.getSymbolAtLocation(name).getDocumentationComment(this.#checker)
    const text = ts.displayPartsToString(parts)
    if (text === '') this.undocumented.add(`${name.getSourceFile().fileName}: ${oneLine(name.parent.getText())}`)
    return text
  }

  /** Declarations of ours that fields refer to, by their types or in their docstrings, and what those refer to, by name. */
  referredTo(fields) {
    const found = new Map()
    const add = (symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
      const declaration = target.declarations?.find(isType)
      if (declaration === undefined || found.has(target.name)) return
      if (this.#program.isSourceFileDefaultLibrary(declaration.getSourceFile())) return
      found.set(target.name, declaration)
      named(this.meaning(declaration.name))
      if (ts.isInterfaceDeclaration(declaration)) this.fields(declaration).forEach(follow)
      else typed(declaration.type)
    }
    const named = (text) => {
      for (const [, word] of text.matchAll(/`([A-Z]\w+)`/g)) if (this.#known.has(word)) add(this.#known.get(word))
    }
    const typed = (node) => {
      if (ts.isTypeReferenceNode(node)) add(this.#checker.getSymbolAtLocation(node.typeName))
      ts.forEachChild(node, typed)
    }
    const follow = ({ type, meaning }) => {
      typed(type)
      named(meaning)
    }
    fields.forEach(follow)
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** A type as text; of `typeof CONSTANT` the constant. */
  text(node) {
    return ts.isTypeQueryNode(node) ? String(this.#checker.getTypeAtLocation(node).value) : typeText(node)
  }

  /** What an alias stands for, as text; of `(typeof WORDS)[number]` the words, in their order. */
  aliased({ type }) {
    if (!ts.isIndexedAccessTypeNode(type)) return typeText(type)
    const words = this.#checker.getTypeArguments(this.#checker.getTypeAtLocation(type.objectType))
    return words.map(({ value }) => `'${value}'`).join(' | ')
  }
}

/** Source of a type in one line, without `readonly`, which is true of all that is read. */
function typeText(node) {
  return oneLine(
    node
      .getText()
      .replaceAll(/\/\*.*?\*\//gs, '')
      .replaceAll(/\breadonly /g, '')
  )
}

/** The parts of a union, or the type itself. */
export function partsOf(node) {
  return ts.isUnionTypeNode(node) ? [...node.types] : [node]
}

/** The text in a type like 'this'. */
export function literalOf(node) {
  return node.literal.text
}

export function isInterface(declaration) {
  return ts.isInterfaceDeclaration(declaration)
}

function isType(node) {
  return ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
}

function uncommented(text) {
  return text.replaceAll(/^\/\*\*?|\*\/$/g, '').replaceAll(/^\s*\* ?/gm, '')
}

function oneLine(text) {
  return text.replaceAll(/\s+/g, ' ').trim()
}
