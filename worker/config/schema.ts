/** Every option of a node, with its default, unit and reason. The command line's help and the README's table come from here. */
import { z } from 'zod'
import { ROLES } from '../../protocol/chain.ts'
import { PROVIDERS } from '../engine/providers.ts'

/** OPEN as people write it: up to 18 decimals. */
const open = z.string().regex(/^\d{1,12}(\.\d{1,18})?$/, 'an amount of OPEN such as 10 or 0.5')
/** Three of the League of Entropy, and one of Cloudflare, which is a member. */
const DRAND_RELAYS = [
  'https://api.drand.sh',
  'https://api2.drand.sh',
  'https://api3.drand.sh',
  'https://drand.cloudflare.com',
]
const multiaddr = z.string().regex(/^\/(ip4|ip6|dns|dns4|dns6)\/.+/, 'a multiaddress')

/** Several in a list, or one by itself. */
function listOf(url: z.ZodType<string>) {
  return z.preprocess(
    (given) => (typeof given === 'string' ? [given] : given),
    z.array(url).min(1).max(8),
  )
}

export const Config = z.strictObject({
  data: z
    .string()
    .min(1)
    .default('.tributary/node')
    .describe('folder that holds all this node keeps'),
  roles: z.array(z.enum(ROLES)).min(1).default(['worker']).describe('what this node does'),
  rpc: listOf(z.url({ protocol: /^(wss?|https?)$/ })).describe(
    'RPC addresses of the L2, the preferred first; the others stand in for it',
  ),
  deployment: z.string().min(1).describe('file that names the contracts (deployment.json)'),
  bootstrap: z
    .array(multiaddr.regex(/\/p2p\/[A-Za-z0-9]+$/, 'an address with its /p2p/16Uiu2HA…'))
    .max(64)
    .default([])
    .describe('peers to find the others by; not needed once the node knows some'),
  listen: z
    .array(multiaddr)
    .min(1)
    .max(8)
    .default(['/ip4/0.0.0.0/tcp/4801'])
    .describe('addresses to listen on'),
  announce: z
    .array(multiaddr)
    .max(8)
    .default([])
    .describe('addresses at which others reach this node through a router that forwards its port'),
  apiHost: z.string().default('127.0.0.1').describe('host of the HTTP interface'),
  apiPort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8787)
    .describe('port of the HTTP interface; 0 takes a free one'),
  models: z
    .array(z.string().min(1))
    .max(16)
    .default([])
    .describe(
      'folders of base models, as Hugging Face lays them out: this node has them at hand and for others, and a gateway takes orders for them, besides the brook-4m that ships',
    ),
  threads: z.number().int().min(1).max(256).default(1).describe('threads for the model'),
  providers: z
    .array(z.enum(PROVIDERS))
    .min(1)
    .default(['cpu'])
    .describe(
      'what may draw answers, in this order: cuda, webgpu, cpu; all else takes the processor',
    ),
  activations: z
    .enum(['keep', 'recompute'])
    .default('keep')
    .describe('in training: recompute takes a third of the memory and 1.4 times as long'),
  stake: open.default('0').describe('OPEN to stake at start, from the owner account'),
  askAnswer: open
    .default('0')
    .describe('OPEN that a worker asks for a token of an answer; jobs that pay less are refused'),
  askTuning: open
    .default('0')
    .describe(
      'OPEN that a worker asks for a token trained on once; jobs that pay less are refused',
    ),
  maxJobs: z
    .number()
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe('jobs that a worker has in hand at the most; more are refused'),
  bidAnswer: open.default('0.001').describe('OPEN that a gateway pays for a token of an answer'),
  bidTuning: open
    .default('0.000001')
    .describe('OPEN that a gateway pays for a token trained on once'),
  escrow: open.default('0').describe('OPEN that a gateway keeps in escrow to pay for jobs'),
  challengeBudget: open
    .default('1')
    .describe(
      'OPEN that a validator may lose in calls of juries, over claims that it found false and over who passed answers unseen, and in asking for receipts of batches that are kept from it; 0 does neither',
    ),
  beacon: z
    .enum(['chain', 'drand'])
    .default('chain')
    .describe(
      'randomness by which a validator chooses what to check: hashes of blocks, or rounds of drand (quicknet)',
    ),
  drandRelays: listOf(z.url({ protocol: /^https?$/ }))
    .default(DRAND_RELAYS)
    .describe('HTTP addresses that hand on rounds of drand, the preferred first; none is trusted'),
  availability: z
    .enum(['ipfs', 'eigenda'])
    .default('ipfs')
    .describe('where the data of batches is kept available; eigenda falls back to ipfs when down'),
  eigendaProxy: z
    .union([z.literal(''), z.url({ protocol: /^https?$/ })])
    .default('')
    .describe('address of an EigenDA proxy, to write to EigenDA or to read what others wrote'),
  storeGib: z
    .number()
    .min(0.1)
    .max(1_000_000)
    .default(64)
    .describe(
      'GiB of content that may go again: what came from others, and after a month what this node made; and as many of base models, opened as folders',
    ),
  record: z
    .string()
    .default('')
    .describe('file to write all that the node decides on to, for `npm run sim -- replay FILE`'),
  recordMib: z
    .number()
    .int()
    .min(1)
    .max(65_536)
    .default(256)
    .describe('MiB at which that file is full and recording ends'),
  misbehave: z
    .enum(['no', 'skip-adapter'])
    .default('no')
    .describe('for trying the network: skip-adapter answers with the base model alone'),
  logLevel: z
    .enum(['error', 'warn', 'info', 'debug', 'silent'])
    .default('info')
    .describe('least level that is logged, to standard error'),
})
export type Config = z.output<typeof Config>

/** Options that a list of words may be given for, separated by commas. */
export const LIST_OPTIONS: readonly string[] = [
  'rpc',
  'roles',
  'bootstrap',
  'listen',
  'announce',
  'models',
  'providers',
  'drandRelays',
]
export const NUMBER_OPTIONS: readonly string[] = [
  'apiPort',
  'threads',
  'maxJobs',
  'storeGib',
  'recordMib',
]

export type OptionName = keyof Config
export const OPTION_NAMES = Object.keys(Config.shape) as OptionName[]

/** `apiPort` on the command line is `--api-port`, in the environment `TRIBUTARY_API_PORT`. */
export function flagOf(name: OptionName): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

export function variableOf(name: OptionName): string {
  return `TRIBUTARY_${flagOf(name).replaceAll('-', '_').toUpperCase()}`
}
