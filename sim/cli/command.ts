/** Studies from scenario files, deterministic tests by the thousand, replays, or one fault mix after the other. */
import { refused } from './refusal.ts'

/** @returns the exit code: 0 done and all well, 1 not well, 2 wrong use, of which one line on standard error says more */
export async function command(argv: readonly string[]): Promise<number> {
  try {
    return await done(argv)
  } catch (error) {
    return refused(error)
  }
}

async function done([word = '', ...rest]: readonly string[]): Promise<number> {
  if (word === 'dst') return (await import('./dst.ts')).dst(rest)
  if (word === 'replay') return (await import('./replay.ts')).replay(rest)
  if (word !== '' && !word.startsWith('-')) {
    return (await import('./commands.ts')).studyCommand([word, ...rest])
  }
  return (await import('./mixes.ts')).mixes(word === '' ? rest : [word, ...rest])
}
