/** Numbers and words of a scenario, held to what they may be. */
type Bounds = Readonly<Record<string, readonly [least: number, most: number]>>

/** @throws RangeError naming the first that is out of its bounds, or a fraction where only whole numbers go */
export function requireBounds<B extends Bounds>(
  values: { readonly [Name in keyof B]: number },
  bounds: B,
  mayBeFraction: (name: string) => boolean,
): void {
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = values[name as keyof B]
    const isOfKind = mayBeFraction(name) || Number.isInteger(value)
    if (isOfKind && value >= least && value <= most) continue
    const kind = mayBeFraction(name) ? 'number' : 'whole number'
    throw new RangeError(`${name} is ${value}; give a ${kind} from ${least} to ${most}`)
  }
}

/** @throws RangeError naming the first that is none of its words */
export function requireWords<W extends Readonly<Record<string, readonly string[]>>>(
  values: { readonly [Name in keyof W]: string },
  words: W,
): void {
  for (const [name, known] of Object.entries(words)) {
    const word = values[name as keyof W]
    if (!known.includes(word))
      throw new RangeError(`${name} is ${word}; give one of ${known.join(', ')}`)
  }
}
