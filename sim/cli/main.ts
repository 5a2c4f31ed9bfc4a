/** `npm run sim`: studies from scenario files, or one fault mix after the other. */
const { argv } = process
const [word] = argv.slice(2)

if (word !== undefined && !word.startsWith('-')) {
  const { studyCommand } = await import('./commands.ts')
  process.exitCode = await studyCommand(argv.slice(2))
} else {
  // It reads the command line itself, and sets the exit code.
  await import('./mixes.ts')
}
