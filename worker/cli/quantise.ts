/** `tributary quantise`: a base model's folder, written again with 4 or 8 bits a weight. */
import { Command, Option } from 'commander'
import { quantiseModel } from '../engine/files/quantise.ts'
import { print, say } from './output.ts'
import { startProgress } from './progress.ts'

export function quantiseCommand(): Command {
  return new Command('quantise')
    .description(
      'write a base model again with fewer bits a weight, to serve it and to train adapters on it',
    )
    .argument('<model>', 'folder with config.json, safetensors and tokenizer.json')
    .argument('<target>', 'new folder to write to')
    .addOption(new Option('--bits <count>', 'bits a weight').choices(['4', '8']).default('4'))
    .action(quantise)
}

async function quantise(model: string, target: string, options: { bits: string }): Promise<void> {
  const progress = startProgress('quantise')
  try {
    const bits = options.bits === '4' ? 4 : 8
    await quantiseModel(model, target, bits, (done, total) => progress.update(done, total))
  } finally {
    progress.end()
  }
  say(`to offer it: tributary start --roles gateway --models ${target}`)
  print(target)
}
