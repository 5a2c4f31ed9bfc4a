/** Small files that a crash must not tear. */
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'

/** Replaces a file in one step that survives a power cut; its folder is made where it is missing. */
export async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  const draft = `${file}.draft`
  const handle = await open(draft, 'w')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
}
