import { after, describe } from 'mocha'
import { contentCompliance } from '../../compliance/content.ts'
import { removeFolder, testFolder } from '../../harness/folders.ts'
import { MemoryContent } from '../../harness/memory-content.ts'

describe('content in a map', () => {
  const folder = testFolder('memory')
  const content = new MemoryContent()
  after(() => removeFolder(folder))
  contentCompliance(() => ({ owner: content, reader: content, folder }))
})
