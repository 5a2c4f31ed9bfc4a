/** `npm run sim`: studies from scenario files, deterministic tests by the thousand, or one fault mix after the other. */
const [word = '', ...rest] = process.argv.slice(2)

if (word === 'dst' || word === 'replay') {
  const commands = await import('./dst.ts')
  process.exitCode = commands[word](rest)
} else if (word !== '' && !word.startsWith('-')) {
  const { studyCommand } = await import('./commands.ts')
  process.exitCode = await studyCommand([word, ...rest])
} else {
  // It reads the command line itself, and sets the exit code.
  await import('./mixes.ts')
}
