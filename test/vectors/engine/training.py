"""Golden values of dropout and of the linear schedule, from PyTorch, Transformers and PEFT, on the checkpoint and adapter of families.py.

pip install torch transformers peft safetensors, then: python test/vectors/engine/training.py
Writes untied/training.safetensors.
"""

import pathlib

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, get_linear_schedule_with_warmup

DIRECTORY = pathlib.Path(__file__).parent / "untied"
RATE, STEPS, PEAK = 0.25, 20, 0.01
ORDER = ["q", "k", "v", "o", "gate", "up", "down"]


class Fixed(torch.nn.Module):
    """Drops what a mask says, where nn.Dropout would draw one."""

    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def forward(self, x):
        return x * self.kept.view(x.shape) / (1 - RATE)


torch.manual_seed(3)
torch.set_num_threads(1)
model = LlamaForCausalLM.from_pretrained(DIRECTORY, attn_implementation="eager", dtype=torch.float32)
peft = PeftModel.from_pretrained(model, DIRECTORY / "adapter", is_trainable=True)
tokens = load_file(DIRECTORY / "golden.safetensors")["tokens"].long()
examples, time = tokens.shape[0], tokens.shape[1] - 1
modules = [peft.get_submodule(f"base_model.model.model.layers.{layer}.{'self_attn' if target in 'qkvo' else 'mlp'}.{target}_proj")
           for layer in range(model.config.num_hidden_layers) for target in ORDER]
kept = [(torch.rand(examples * time, module.in_features) >= RATE).float() for module in modules]
for module, mask in zip(modules, kept):
    module.lora_dropout["default"] = Fixed(mask)
pairs = [parameter for module in modules for parameter in (module.lora_A["default"].weight, module.lora_B["default"].weight)]
logits = peft(tokens[:, :-1]).logits
loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
gradient = torch.cat([part.flatten() for part in torch.autograd.grad(loss, pairs)])

optimiser = torch.optim.AdamW(pairs, lr=PEAK)
schedule = get_linear_schedule_with_warmup(optimiser, 0, STEPS)
rates = []
for _ in range(STEPS):
    rates.append(optimiser.param_groups[0]["lr"])
    optimiser.step()
    schedule.step()
save_file({
    "kept": torch.cat(kept, 1),
    "loss": loss.detach().view(1),
    "gradient": gradient,
    "linear_rates": torch.tensor(rates, dtype=torch.float32),
}, DIRECTORY / "training.safetensors")
print("loss", loss.item())
