import { deepEqual, equal, rejects } from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { domainOf, loadDeployment, saveDeployment } from '../../../worker/chain/deployment.ts'
import { DEPLOYMENT } from '../../harness/chain-logs.ts'
import { testFolder } from '../../harness/folders.ts'

describe('the deployment file', () => {
  let folder: string
  let file: string

  beforeEach(async () => {
    folder = testFolder('deployment')
    file = path.join(folder, 'new', 'deployment.json')
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('comes back as it was saved', async () => {
    await saveDeployment(file, DEPLOYMENT)
    deepEqual(await loadDeployment(file), DEPLOYMENT)
  })

  it('may be missing', async () => {
    equal(await loadDeployment(file), undefined)
  })

  it('is refused where it is not what it should be', async () => {
    const { payout: _, ...fewer } = DEPLOYMENT.addresses
    const mixed = { ...DEPLOYMENT.addresses, payout: DEPLOYMENT.addresses.payout.toUpperCase() }
    const { jurySeats: _seats, ...parameters } = DEPLOYMENT.parameters
    const bad = [
      '',
      '{',
      'null',
      JSON.stringify({ ...DEPLOYMENT, addresses: fewer }),
      JSON.stringify({ ...DEPLOYMENT, addresses: mixed }),
      JSON.stringify({ ...DEPLOYMENT, chainId: '1' }),
      JSON.stringify({ ...DEPLOYMENT, fromBlock: -1 }),
      JSON.stringify({ ...DEPLOYMENT, more: true }),
      JSON.stringify({ ...DEPLOYMENT, parameters }),
      JSON.stringify({ ...DEPLOYMENT, epochSeconds: 0 }),
    ]
    await saveDeployment(file, DEPLOYMENT)
    for (const text of bad) {
      await writeFile(file, text)
      await rejects(loadDeployment(file), { name: 'ChainError', code: 'bad-deployment' }, text)
    }
    await rejects(loadDeployment(folder), { name: 'ChainError', code: 'bad-deployment' })
  })

  it('names the domain that signatures for a contract are made for', () => {
    deepEqual(domainOf(DEPLOYMENT, 'feeEscrow'), {
      chainId: 31_337,
      contract: DEPLOYMENT.addresses.feeEscrow,
    })
  })
})
