/** What the parts of the engine's benchmark share: one random model, our engine on one thread, and the peer beside it. */
import type { LoraSpec } from '../../protocol/tuning.ts'
import { createEngine, type Engine, type Model } from '../../worker/engine/engine.ts'
import { type Peer, startPeer } from './peer.ts'
import { LORA, randomModel } from './random-model.ts'

/** Equal on both sides. One: the machines that this runs on have few cores, and others use them too. */
const THREADS = 1

export interface Workbench extends AsyncDisposable {
  readonly directory: string
  readonly engine: Engine
  readonly peer: Peer | undefined
  open(lora?: LoraSpec): Promise<Model>
}

export async function workbench(say: (line: string) => void): Promise<Workbench> {
  const parts = new AsyncDisposableStack()
  const { directory } = parts.use(await randomModel())
  const engine = parts.use(createEngine({ threads: THREADS }))
  const peer = await startPeer()
  if (peer === undefined) {
    say('no Python with torch, transformers and peft: name one in TRIBUTARY_BENCH_PYTHON')
  } else {
    parts.use(peer)
    const parameters = await peer.call('load', directory, THREADS)
    say(`${peer.versions}; ${parameters / 1e6} million parameters, f32, ${THREADS} thread`)
  }
  return {
    directory,
    engine,
    peer,
    open: (lora = LORA) => engine.open(directory, lora),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** Why a ratio has no value. */
export const NO_PEER = 'not measured: no PyTorch here'
