/** Synonyms out of WordNet's own files, for rewordings that stay near what was said. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** By word, in lower case. Format: https://wordnet.princeton.edu/documentation/wndb5wn */
export function readSynonyms(folder: string): Map<string, string[]> {
  const synonyms = new Map<string, string[]>()
  for (const kind of ['noun', 'verb', 'adj', 'adv']) {
    for (const line of readFileSync(join(folder, `data.${kind}`), 'utf8').split('\n')) {
      const words = wordsOf(line)
      for (const word of words) {
        const others = words.filter((other) => other !== word)
        if (others.length > 0) synonyms.set(word, [...(synonyms.get(word) ?? []), ...others])
      }
    }
  }
  return synonyms
}

/** The words of one line, which is one meaning: offset, file, kind, how many words (hexadecimal), then word and number by turns. */
function wordsOf(line: string): string[] {
  if (!/^\d{8} /.test(line)) return []
  const fields = line.split(' ')
  const count = Number.parseInt(fields[3]!, 16)
  return Array.from({ length: count }, (_, i) => fields[4 + 2 * i]!.toLowerCase())
    .filter((word) => /^[a-z_]+$/.test(word))
    .map((word) => word.replaceAll('_', ' '))
}
