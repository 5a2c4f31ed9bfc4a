import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { describe, it } from 'mocha'

const LOGGER = new URL('../../../worker/telemetry/logger.ts', import.meta.url)

describe('a log', () => {
  it('is no reason to stop where its file is on a full disk', function () {
    if (!existsSync('/dev/full')) return this.skip()
    const program = `
      const { createLogger } = await import(${JSON.stringify(LOGGER)})
      const log = createLogger('info')
      for (let line = 0; line < 3; line++) log.warn({ line }, 'the disk is full')
      console.log('lives')`
    const full = openSync('/dev/full', 'w')
    const args = ['--input-type=module', '--eval', program]
    const { stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', full] })
    closeSync(full)
    assert.equal(stdout.toString(), 'lives\n')
  })
})
