"""The other side of `npm run bench -- engine`: PyTorch eager with PEFT, on one thread, told what to do line by line in JSON.

pip install torch transformers peft safetensors
"""

import json
import os
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import peft
import torch
import transformers

transformers.logging.set_verbosity_error()


class Peer:
    def versions(self):
        return f"torch {torch.__version__}, peft {peft.__version__}, transformers {transformers.__version__}"

    def load(self, directory, threads):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.directory = directory
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="sdpa").eval()
        return sum(parameter.numel() for parameter in self.model.parameters())

    def adapters(self, count, rank):
        """The model with `count` adapters on all projections."""
        config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, task_type="CAUSAL_LM", target_modules=[
            "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
        self.lora = peft.get_peft_model(self.model, config, adapter_name="a0")
        for number in range(1, count):
            self.lora.add_adapter(f"a{number}", config)
        with torch.no_grad():
            for name, parameter in self.lora.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(0, 0.02)

    def remove_adapters(self):
        self.model = self.lora.unload()
        del self.lora

    def train(self, batch, tokens, steps):
        """CPU seconds of LoRA training steps: forward, backward, AdamW."""
        self.lora.train()
        trained = [parameter for parameter in self.lora.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=1e-4)
        text = torch.randint(self.model.config.vocab_size, (batch, tokens + 1))

        def step():
            logits = self.lora(text[:, :-1], use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()

        step()
        return timed(lambda: [step() for _ in range(steps)])

    @torch.inference_mode()
    def prefill(self, batch, tokens, runs):
        """CPU seconds of reading texts, logits of the last token only."""
        text = torch.randint(self.model.config.vocab_size, (batch, tokens))
        run = lambda: self.model(text, use_cache=True, logits_to_keep=1)
        run()
        return timed(lambda: [run() for _ in range(runs)])

    @torch.inference_mode()
    def decode(self, batch, past, steps):
        """CPU seconds of `steps` tokens for each of `batch` texts, greedily, after `past` tokens."""
        return self._decode(self.model, batch, past, steps)

    @torch.inference_mode()
    def switch(self, requests, past, steps):
        """The same for `requests` texts one after the other, each with its own adapter."""
        self.lora.eval()
        total = 0
        for request in range(requests):
            total += timed(lambda: self.lora.set_adapter(f"a{request}"))
            total += self._decode(self.lora, 1, past, steps)
        return total

    @torch.inference_mode()
    def mixed(self, requests, past, steps):
        """The same for `requests` texts in one batch, by PEFT's `adapter_names`."""
        self.lora.eval()
        names = [f"a{request}" for request in range(requests)]
        return self._decode(self.lora, requests, past, steps, adapter_names=names)

    def _decode(self, model, batch, past, steps, **more):
        text = torch.randint(self.model.config.vocab_size, (batch, past))
        out = model(text, use_cache=True, logits_to_keep=1, **more)
        state = [out.past_key_values, out.logits[:, -1].argmax(-1, keepdim=True)]

        def step():
            out = model(state[1], past_key_values=state[0], use_cache=True, **more)
            state[:] = [out.past_key_values, out.logits[:, -1].argmax(-1, keepdim=True)]

        step()
        return timed(lambda: [step() for _ in range(steps)])


def timed(work):
    start = time.process_time()
    work()
    return time.process_time() - start


peer = Peer()
for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = {"result": getattr(peer, order["call"])(*order["arguments"])}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
