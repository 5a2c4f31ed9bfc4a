/** `npm run sim`: studies from scenario files, deterministic tests by the thousand, replays, or one fault mix after the other. */
const [word = '', ...rest] = process.argv.slice(2)

if (word === 'dst') {
  const { dst } = await import('./dst.ts')
  process.exitCode = dst(rest)
} else if (word === 'replay') {
  const { replay } = await import('./replay.ts')
  process.exitCode = replay(rest)
} else if (word !== '' && !word.startsWith('-')) {
  const { studyCommand } = await import('./commands.ts')
  process.exitCode = await studyCommand([word, ...rest])
} else {
  // It reads the command line itself, and sets the exit code.
  await import('./mixes.ts')
}
