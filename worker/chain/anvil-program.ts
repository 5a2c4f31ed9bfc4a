/** Where npm has put the embedded chain's program: one package for each platform, of which it installs the right one. */
import { createRequire } from 'node:module'
import { ChainError } from './errors.ts'

/** npm's platform and processor to the packages' words. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/**
 * Path of the anvil program. Throws `ChainError` `anvil-missing` where npm left the optional package out or there is
 * none for this platform.
 */
export function anvilProgram(
  platform: NodeJS.Platform = process.platform,
  architecture: string = process.arch,
): string {
  const suffix = platform === 'win32' ? '.exe' : ''
  const name = `@foundry-rs/anvil-${platform}-${ARCHITECTURES[architecture] ?? architecture}`
  try {
    // The packages export nothing, so the program is found beside @foundry-rs/anvil, as npm nests or hoists it.
    const require = createRequire(import.meta.url)
    const fromAnvil = createRequire(require.resolve('@foundry-rs/anvil/package.json'))
    return fromAnvil.resolve(`${name}/bin/anvil${suffix}`)
  } catch (cause) {
    throw new ChainError(
      'anvil-missing',
      `the embedded chain needs the npm package ${name}, which is not installed; ` +
        'run `npm install --include=optional`, or name a chain by its RPC address',
      { cause },
    )
  }
}
