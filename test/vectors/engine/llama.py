"""Golden values of the engine's tests, from PyTorch, Transformers and PEFT: an implementation that shares no line with ours.

pip install torch transformers peft safetensors, then: python test/vectors/engine/llama.py
Writes, for each case below, a small random checkpoint, an adapter saved by PEFT, and golden.safetensors.
"""

import json
import pathlib

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
EXAMPLES, TOKENS, WIDTH, STEPS, BATCH = 3, 24, 4, 50, 2
ORDER = ["q", "k", "v", "o", "gate", "up", "down"]
OPTIMISER = dict(learningRate=0.01, warmupSteps=5, beta1=0.9, beta2=0.99, epsilon=1e-6, weightDecay=0.01)
CASES = {
    # Output table of its own, float32 weights.
    "untied": dict(
        seed=1, dtype=torch.float32, lora=dict(r=4, lora_alpha=8, targets=ORDER),
        config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, rms_norm_eps=1e-5, tie_word_embeddings=False),
        rope_theta=10000.0,
    ),
    # Tied tables, bfloat16 weights, heads wider than width / heads, three query heads to a key head, a scale that is no
    # power of two, and not all projections adapted.
    "tied": dict(
        seed=2, dtype=torch.bfloat16, lora=dict(r=3, lora_alpha=5, targets=["q", "v", "down"]),
        config=dict(hidden_size=48, intermediate_size=56, num_hidden_layers=2, num_attention_heads=6,
                    num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-6, tie_word_embeddings=True),
        rope_theta=50000.0,
    ),
}
VOCAB = 96


def make(name, case):
    torch.manual_seed(case["seed"])
    torch.set_num_threads(1)
    directory = HERE / name
    directory.mkdir(exist_ok=True)
    config = LlamaConfig(vocab_size=VOCAB, max_position_embeddings=64, bos_token_id=0, eos_token_id=0,
                         rope_parameters=dict(rope_theta=case["rope_theta"], rope_type="default"), **case["config"])
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).float()
    with torch.no_grad():
        for parameter in model.parameters():
            wide = torch.randn_like(parameter) * 0.15
            parameter.copy_((1 + wide if parameter.dim() == 1 else wide).to(case["dtype"]).float())
    save_file({key: value.to(case["dtype"]).contiguous() for key, value in model.state_dict().items()
               if not (config.tie_word_embeddings and key == "lm_head.weight")},
              directory / "model.safetensors", {"format": "pt"})
    (directory / "config.json").write_text(json.dumps(config.to_dict(), indent=1, default=str) + "\n")
    vocabulary = {f"<{i}>": i for i in range(VOCAB)}
    (directory / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": vocabulary, "merges": []}}) + "\n")

    golden = {}
    tokens = torch.randint(VOCAB, (EXAMPLES, TOKENS))
    golden["tokens"] = tokens
    golden["base_logits"] = model(tokens[:1]).logits[0]
    golden["base_hidden"] = model.model(tokens[:1]).last_hidden_state[0]
    weights = torch.rand(EXAMPLES, TOKENS)
    weights[:, 0] = 9  # Never counts: nothing predicts the first token.
    golden["weights"] = weights
    (nll(model, tokens) * weights[:, 1:]).sum().backward()
    for key, parameter in model.named_parameters():
        golden[f"full.{key}"] = parameter.grad

    lora = case["lora"]
    peft = get_peft_model(model, LoraConfig(
        r=lora["r"], lora_alpha=lora["lora_alpha"], task_type="CAUSAL_LM",
        target_modules=[f"{target}_proj" for target in lora["targets"]]))
    with torch.no_grad():
        for key, parameter in peft.named_parameters():
            if "lora_" in key:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
    peft.save_pretrained(directory / "adapter")
    (directory / "adapter" / "README.md").unlink(missing_ok=True)
    golden["logits"] = peft(tokens[:1]).logits[0]

    parameters = dict(peft.named_parameters())
    modules = [(f"base_model.model.model.layers.{layer}.{'self_attn' if target in 'qkvo' else 'mlp'}.{target}_proj")
               for layer in range(config.num_hidden_layers) for target in ORDER if target in lora["targets"]]
    pairs = [(parameters[f"{module}.lora_A.default.weight"], parameters[f"{module}.lora_B.default.weight"]) for module in modules]

    losses, features = [], []
    projections = [(torch.randn(a.shape[1], WIDTH), torch.randn(b.shape[0], WIDTH)) for a, b in pairs]
    golden["projection"] = torch.cat([matrix.flatten() for pair in projections for matrix in pair])
    sums = [[torch.zeros_like(a), torch.zeros_like(b)] for a, b in pairs]
    for example in range(EXAMPLES):
        loss = (nll(peft, tokens[example : example + 1]) * weights[example, 1:]).sum()
        gradients = torch.autograd.grad(loss, [parameter for pair in pairs for parameter in pair])
        losses.append(loss)
        row = []
        for index, (r_in, r_out) in enumerate(projections):
            d_a, d_b = gradients[2 * index], gradients[2 * index + 1]
            sums[index][0] += d_a
            sums[index][1] += d_b
            row += [(d_a @ r_in).flatten(), (r_out.T @ d_b).flatten()]
        features.append(torch.cat(row))
    golden["losses"] = torch.stack(losses)
    golden["features"] = torch.stack(features)
    for module, (d_a, d_b) in zip(modules, sums):
        golden[f"{module}.lora_A"] = d_a
        golden[f"{module}.lora_B"] = d_b

    # A curve to learn on: few texts, seen again and again.
    texts = torch.randint(VOCAB, (4, TOKENS))
    order = torch.randint(4, (STEPS, BATCH))
    golden["curve_tokens"] = texts[order]
    optimiser = torch.optim.AdamW([parameter for pair in pairs for parameter in pair],
                                  betas=(OPTIMISER["beta1"], OPTIMISER["beta2"]), eps=OPTIMISER["epsilon"],
                                  weight_decay=OPTIMISER["weightDecay"])
    curve = []
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = rate(step)
        loss = nll(peft, texts[order[step]]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        curve.append(loss.detach())
    golden["curve"] = torch.stack(curve)
    golden["curve_theta"] = torch.cat([parameter.flatten() for pair in pairs for parameter in pair])
    save_file({key: value.detach().float().contiguous() for key, value in golden.items()}, directory / "golden.safetensors")
    print(name, "loss", curve[0].item(), "->", curve[-1].item())


def nll(model, tokens):
    logits = model(tokens).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(tokens.shape[0], -1)


def rate(step):
    peak, warm = OPTIMISER["learningRate"], OPTIMISER["warmupSteps"]
    if step < warm:
        return peak * (step + 1) / warm
    x = min(1, (step - warm) / max(1, STEPS - warm))
    return peak * (0.1 + 0.9 * (1 - x * x * (3 - 2 * x)))


for name, case in CASES.items():
    make(name, case)
