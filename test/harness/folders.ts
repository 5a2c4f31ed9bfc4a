/** Folders for tests inside the project's own data folder; each is removed when its test is over. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BASE = fileURLToPath(new URL('../../.tributary/test', import.meta.url))

export function testFolder(name: string): string {
  mkdirSync(BASE, { recursive: true })
  return mkdtempSync(join(BASE, `${name}-`))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
