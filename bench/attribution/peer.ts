/** EK-FAC as kronfluence computes it, in PyTorch with PEFT: where the machine has them. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Model } from '../../worker/engine/engine.ts'
import { ADAPTER_WEIGHTS_FILE, writeAdapter } from '../../worker/engine/files/adapters.ts'
import { ADAPTER_CONFIG_FILE } from '../../worker/engine/files/peft-config.ts'
import { SHIPPED_MODEL } from '../../worker/shipped-model.ts'
import type { Scores } from './peers.ts'
import { LORA, type Query } from './trial-run.ts'

const PROGRAM = fileURLToPath(new URL('./peer.py', import.meta.url))
/** A Python that can import torch, transformers, peft and kronfluence. */
const PYTHON = process.env['TRIBUTARY_BENCH_PYTHON'] ?? 'python3'

/** Undefined where Python or one of its packages is missing. */
export async function ekfac(
  model: Model,
  theta: Float32Array,
  examples: readonly Query[],
  queries: readonly Query[],
): Promise<Scores | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-bench-'))
  try {
    const files = writeAdapter(model.info.config, { lora: LORA, theta }, SHIPPED_MODEL)
    await writeFile(join(folder, ADAPTER_CONFIG_FILE), files.config)
    await writeFile(join(folder, ADAPTER_WEIGHTS_FILE), files.weights)
    return await asked({
      ...{ model: SHIPPED_MODEL, adapter: folder },
      examples: examples.map(({ answer }) => answer),
      queries: queries.map(({ prompt, answer }) => [prompt, answer]),
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function asked(request: object): Promise<Scores | undefined> {
  const child = spawn(PYTHON, [PROGRAM], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('exit', resolve)
  })
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify(request))
  const read = json(child.stdout).catch(() => undefined)
  return (await ended) === 0 ? ((await read) as Scores) : undefined
}
