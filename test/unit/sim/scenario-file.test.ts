import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { armsOf, requireStakes } from '../../../sim/cli/arms.ts'
import { budgetOf } from '../../../sim/cli/budget.ts'
import { Refusal } from '../../../sim/cli/refusal.ts'
import { resolvedYaml } from '../../../sim/cli/results.ts'
import { parseScenario } from '../../../sim/cli/scenario-file.ts'

const HEAD = 'name: trial\ndepth: gossip\n'

/** What a file is refused with, as soon as its arms are known. */
function refusal(text: string): string {
  try {
    armsOf(parseScenario(text))
  } catch (error) {
    assert.ok(error instanceof Refusal, `${error}`)
    return error.message
  }
  return assert.fail(`was not refused: ${text}`)
}

describe('a scenario file', () => {
  it('needs a name and a depth, and takes the model’s own values for the rest', () => {
    const study = parseScenario(HEAD)
    assert.deepEqual(study.seeds, [1])
    assert.equal(armsOf(study).length, 1)
    assert.match(resolvedYaml(study), /nodes: 1000/)
  })

  it('is the same again when it is read as it was resolved', () => {
    const text = `${HEAD}seeds: 3\nsweep: { world.nodes: [50, 60] }\nexpect: [{ figure: reach, atLeast: 1 }]`
    const resolved = resolvedYaml(parseScenario(text))
    assert.equal(resolvedYaml(parseScenario(resolved)), resolved)
    assert.deepEqual(armsOf(parseScenario(resolved)).length, 2)
  })

  it('has arms for every combination, and the first swept key changes last', () => {
    const sweep = 'sweep: { world.nodes: [50, 60], faults.loss: [0, 0.1] }'
    const labels = armsOf(parseScenario(HEAD + sweep)).map(({ label }) => label)
    const first = ['nodes 50, loss 0', 'nodes 50, loss 0.1']
    assert.deepEqual(labels, [...first, 'nodes 60, loss 0', 'nodes 60, loss 0.1'])
  })

  it('changes in its quick version what stands under small, and nothing else', () => {
    const text = `${HEAD}seeds: 9\nworld: { nodes: 500, dials: 4 }\nsmall: { seeds: 2, world: { nodes: 20 } }`
    const study = parseScenario(text, 'x', true)
    assert.deepEqual(study.settings.world, { nodes: 20, dials: 4 })
    assert.deepEqual(study.seeds, [1, 2])
    assert.deepEqual(parseScenario(text).settings.world, { nodes: 500, dials: 4 })
  })

  const refused: [what: string, text: string, message: RegExp][] = [
    ['what is no YAML', 'name: [', /is no YAML: .* line 1/],
    ['an alias of nothing', `${HEAD}world: { nodes: *none }`, /is no YAML: .*none; give a/],
    [
      'an alias of what it stands in',
      `${HEAD}world: &world { nodes: *world }`,
      /is no YAML: .*circ/,
    ],
    ['a key twice', `${HEAD}name: other`, /is no YAML: Map keys must be unique/],
    ['an unknown depth', 'name: x\ndepth: gosip', /depth is "gosip"; give one of gossip, protocol/],
    [
      'a path for a name',
      'name: ../x\ndepth: gossip',
      /name is "..\/x"; give up to 64 small letters/,
    ],
    ['an unknown key', `${HEAD}world: { node: 5 }`, /world.node is unknown; did you mean nodes\?/],
    ['an unknown section', `${HEAD}worlds: {}`, /worlds is unknown; did you mean world\?/],
    [
      'a key of the other depth',
      `${HEAD}workload: { jobs: 5 }`,
      /workload.jobs is unknown; there are messages,/,
    ],
    ['zero nodes', `${HEAD}world: { nodes: 0 }`, /world.nodes is 0; give a whole number from 2 to/],
    ['half a node', `${HEAD}world: { nodes: 2.5 }`, /world.nodes is 2.5; give a whole number/],
    [
      'a delay below zero',
      `${HEAD}faults: { awayMs: -5 }`,
      /faults.awayMs is -5; give a whole number from 2000/,
    ],
    [
      'words for numbers',
      `${HEAD}faults: { loss: much }`,
      /faults.loss is "much"; give a number from 0 to 0.9/,
    ],
    [
      'a sweep of nothing',
      `${HEAD}sweep: { world.nodes: [] }`,
      /sweep.world.nodes is \[\]; give at least one value/,
    ],
    [
      'a swept key unknown',
      `${HEAD}sweep: { world.degre: [4] }`,
      /sweep.world.degre is unknown; did you mean world.degree\?/,
    ],
    [
      'a swept value out of bounds',
      `${HEAD}sweep: { world.nodes: [10, 1] }`,
      /sweep.world.nodes has 1; give a whole number from 2/,
    ],
    ['a value swept twice', `${HEAD}sweep: { world.nodes: [10, 10] }`, /sweep has a value twice/],
    [
      'an attack without attackers',
      `${HEAD}sweep: { adversaries.attack: [none, degrade] }`,
      /arm attack degrade: attack is degrade, but sybils is 0/,
    ],
    [
      'a cut and churn',
      `${HEAD}faults: { cutRegions: [tokyo], leavesPerHour: 5 }`,
      /cutRegions and leavesPerHour/,
    ],
    ['no seeds', `${HEAD}seeds: 0`, /seeds is 0; give how many/],
    ['a seed twice', `${HEAD}seeds: [3, 3]`, /seeds has one twice/],
    [
      'an unknown figure',
      `${HEAD}expect: [{ figure: p98Ms, atMost: 5 }]`,
      /p98Ms is unknown; did you mean p9\dMs\?/,
    ],
    [
      'nothing expected',
      `${HEAD}expect: [{ figure: reach }]`,
      /expect.0 expects nothing; give atLeast or atMost/,
    ],
    [
      'what cannot be',
      `${HEAD}expect: [{ figure: reach, atLeast: 1, atMost: 0 }]`,
      /nothing can be both/,
    ],
    [
      'a comparison with what is not swept',
      `${HEAD}expect: [{ figure: reach, atMost: 1, against: { world.nodes: 5 } }]`,
      /names world.nodes, which is not swept/,
    ],
    [
      'too many cheats',
      'name: x\ndepth: protocol\nadversaries: { lyingWorkers: 3 }',
      /lyingWorkers is 3, but workers is 3; leave an honest one/,
    ],
    [
      'how many adversaries, and not of which kind',
      'name: x\ndepth: protocol\nadversaries: { count: 2 }',
      /count is 2, but no kind of adversary is named; give kind/,
    ],
    [
      'only cheats of several kinds',
      'name: x\ndepth: protocol\nadversaries: { bribedValidators: 2, griefingValidators: 1 }',
      /bribedValidators, griefingValidators are 3, but validators is 3/,
    ],
    [
      'an unknown adversary',
      'name: x\ndepth: protocol\nadversaries: { kind: lazyWorkers }',
      /adversaries.kind is "lazyWorkers"; give one of none, lyingWorkers, /,
    ],
    [
      'an adversary misspelt',
      'name: x\ndepth: protocol\nadversaries: { copingWorkers: 1 }',
      /adversaries.copingWorkers is unknown; did you mean copyingWorkers\?/,
    ],
    [
      'an unknown strategy',
      'name: x\ndepth: economy\nadversaries: { strategy: sleeping }',
      /adversaries.strategy is "sleeping"; give one of honest, lazy, /,
    ],
    [
      'too small an economy',
      'name: x\ndepth: economy\nworld: { nodes: 3 }',
      /world.nodes is 3; give a whole number from 20 to 1000000/,
    ],
    [
      'a contributor alone',
      'name: x\ndepth: data\nworld: { contributors: 1 }',
      /world.contributors is 1; give a whole number from 2 to 20000/,
    ],
    [
      'an unknown way to give data',
      'name: x\ndepth: data\nadversaries: { strategy: lazy }',
      /adversaries.strategy is "lazy"; give one of honest, spamming, /,
    ],
    [
      'names of less than the least stake',
      'name: x\ndepth: economy\nadversaries: { ringNameOpen: 0.5 }',
      /ringNameOpen is 0.5; give 0, or at least 1/,
    ],
    [
      'more holders than nodes',
      'name: x\ndepth: transfer\nworld: { nodes: 5, holders: 5 }',
      /holders is 5, but nodes is 5; take fewer holders/,
    ],
    [
      'a file of nothing',
      'name: x\ndepth: transfer\nworkload: { fileMiB: 0 }',
      /workload.fileMiB is 0; give a number from 0.001 to 16384/,
    ],
    [
      'an unknown way of asking',
      'name: x\ndepth: transfer\nworkload: { asking: some }',
      /workload.asking is "some"; give one of one, all/,
    ],
    [
      'a key misspelt of a transfer',
      'name: x\ndepth: transfer\nfaults: { straglers: 0.1 }',
      /faults.straglers is unknown; did you mean stragglers\?/,
    ],
    [
      'more wanters and deceivers than there are nodes',
      'name: x\ndepth: transfer\nadversaries: { poisoned: 0.3 }',
      /wanting is 1 and poisoned 0.3: shares of one whole/,
    ],
    [
      'more lines than one',
      'name: x\ndepth: transfer\nworld: { home: 0.7, datacentre: 0.6 }',
      /home is 0.7 and datacentre 0.6: shares of one whole/,
    ],
    [
      'nodes that know nobody',
      'name: x\ndepth: transfer\nworld: { dials: 0, providers: 0 }',
      /dials and providers are 0: nobody knows anybody/,
    ],
    [
      'more blocks than memory holds',
      'name: x\ndepth: transfer\nworld: { nodes: 100000 }\nworkload: { fileMiB: 16384, blockKiB: 16 }',
      /that takes about \d+ MiB, and 2048 are allowed; take fewer nodes or larger blocks/,
    ],
    [
      'a latency the wrong way round',
      'name: x\ndepth: protocol\nworld: { latencyMs: [9, 5] }',
      /latencyMs is \[9, 5\]; give the least first/,
    ],
    [
      'a spike of what is free',
      'name: x\ndepth: protocol\nfaults: { spikes: 3 }',
      /spikes is 3, but baseFeeWei is 0, where transactions cost nothing; give 1000000/,
    ],
    [
      'others in blocks that take whatever comes',
      'name: x\ndepth: protocol\nworld: { baseFeeWei: 1000000, othersGas: 5000000 }',
      /othersGas is 5000000, but blocks have no limit; give blockGas/,
    ],
    [
      'blocks with less room than a post may take',
      'name: x\ndepth: protocol\nworld: { baseFeeWei: 1000000, blockGas: 1000000, validators: 100 }',
      /blockGas is 1000000, but a transaction may take \d+; give more/,
    ],
    [
      'more memory than the model takes',
      `${HEAD}world: { nodes: 500000 }\nworkload: { messages: 60000, intervalMs: 1 }`,
      /takes about \d+ MiB/,
    ],
    [
      'too many arms',
      `${HEAD}sweep: { world.nodes: [${Array.from({ length: 200 }, (_, i) => i + 2)}], workload.messages: [${Array.from({ length: 60 }, (_, i) => i + 2)}] }`,
      /sweep has 12000 arms; 10000 are allowed/,
    ],
  ]
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => assert.match(refusal(text), message))
  }

  it('says all that is wrong with it at once', () => {
    const said = refusal(`${HEAD}world: { nodes: 0, dails: 3 }`).split('\n')
    assert.equal(said.length, 2)
  })

  it('refuses a network in which with some seed a node would stake less than the least', () => {
    const check = (text: string) => {
      const study = parseScenario(`name: few\ndepth: economy\n${text}`)
      requireStakes(study, armsOf(study))
    }
    check('seeds: 9\nworld: { nodes: 100 }')
    check('seeds: [4]\nworld: { nodes: 20 }\nadversaries: { ringShare: 0.4 }')
    assert.throws(
      () => check('seeds: [4, 1]\nsweep: { world.nodes: [100, 20] }'),
      /^Refusal: arm nodes 20: a node would stake \d+ wei, and the least is .* give a ringShare/,
    )
  })

  it('refuses what takes too long or too much memory, and says how much and what would do', () => {
    const limits = { threads: 2, mostHours: 12, memoryBytes: 2 ** 30 }
    const budget = (text: string) => {
      const study = parseScenario(HEAD + text)
      return budgetOf(study, armsOf(study), limits)
    }
    const long =
      'seeds: 1000\nworkload: { messages: 1000 }\nsweep: { world.nodes: [10000, 100000] }'
    assert.throws(
      () => budget(long),
      /2 arms × 1000 seeds are 2000 runs of about \d+ hours .* 12 are allowed; take \d+ times fewer .* --most-hours \d+/,
    )
    assert.throws(
      () => budget('world: { nodes: 1000000 }'),
      /the largest arm takes about \d+ MiB, and 1024 may be used here; take fewer nodes/,
    )
    assert.deepEqual(budget('seeds: 5').runs, 5)
    const economy = 'name: x\ndepth: economy\nadversaries: { ringShare: 0.95, ringNameOpen: 1 }'
    const scattered = parseScenario(`${economy}\nworld: { nodes: 50000 }`)
    assert.throws(() => budgetOf(scattered, armsOf(scattered), limits), /the largest arm takes/)
    // Two of these at a time would be too much.
    assert.equal(budget('seeds: 5\nworld: { nodes: 400000 }').threads, 1)
  })
})
