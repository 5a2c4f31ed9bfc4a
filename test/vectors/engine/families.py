"""Golden values of the engine's tests, from PyTorch, Transformers and PEFT: an implementation that shares no line with ours.

pip install torch transformers peft safetensors, then: python test/vectors/engine/families.py
Writes, for each case below, a small random checkpoint, an adapter saved by PEFT, and golden.safetensors.
"""

import json
import math
import pathlib

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

HERE = pathlib.Path(__file__).parent
EXAMPLES, TOKENS, WIDTH, STEPS, BATCH, VOCAB = 3, 24, 4, 50, 2, 96
DRAWN, TEMPERATURE, TOP_K, SEED = 16, 0.9, 12, bytes(range(32))
GATED = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
         "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}
FUSED = {"qkv": "attn.c_attn", "o": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}
OPTIMISER = dict(learningRate=0.01, warmupSteps=5, beta1=0.9, beta2=0.99, epsilon=1e-6, weightDecay=0.01)
SHAPE = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             rms_norm_eps=1e-5, tie_word_embeddings=False, max_position_embeddings=64)
ALL = dict(r=4, lora_alpha=8)


def rope(theta, **scaling):
    return dict(rope_theta=theta, rope_type="default") | scaling


CASES = {
    # Output table of its own, float32 weights.
    "untied": dict(
        seed=1, dtype=torch.float32, lora=ALL, config=LlamaConfig, fields=SHAPE | dict(rope_parameters=rope(10000.0))),
    # Tied tables, bfloat16 weights, heads wider than width / heads, three query heads to a key head, a scale that is no
    # power of two, and not all projections adapted.
    "tied": dict(
        seed=2, dtype=torch.bfloat16, lora=dict(r=3, lora_alpha=5, targets=["q", "v", "down"]), config=LlamaConfig,
        fields=SHAPE | dict(hidden_size=48, intermediate_size=56, num_attention_heads=6, head_dim=16, rms_norm_eps=1e-6,
                            tie_word_embeddings=True, rope_parameters=rope(50000.0))),
    # Llama 3.1's scaling of positions, biases everywhere.
    "llama3": dict(
        seed=3, dtype=torch.float32, lora=ALL, config=LlamaConfig,
        fields=SHAPE | dict(attention_bias=True, mlp_bias=True, rope_parameters=rope(
            500.0, rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=16))),
    # Positions divided by a factor, as long-context Llama 2 models have them.
    "linear": dict(
        seed=4, dtype=torch.float32, lora=ALL, config=LlamaConfig,
        fields=SHAPE | dict(rope_parameters=rope(10000.0, rope_type="linear", factor=2.5))),
    # A window that is shorter than the texts.
    "mistral": dict(
        seed=5, dtype=torch.float16, lora=ALL, config=MistralConfig,
        fields=SHAPE | dict(sliding_window=7, rope_parameters=rope(10000.0))),
    # Biases of queries, keys and values; the weights in several files; the window in the second layer only.
    "qwen2": dict(
        seed=6, dtype=torch.float32, shards=3, lora=ALL, config=Qwen2Config,
        fields=SHAPE | dict(use_sliding_window=True, sliding_window=9, max_window_layers=1, rope_parameters=rope(1000.0))),
    # Queries and keys normalised head by head; tied; bfloat16.
    "qwen3": dict(
        seed=7, dtype=torch.bfloat16, lora=ALL, config=Qwen3Config,
        fields=SHAPE | dict(head_dim=12, tie_word_embeddings=True, rope_parameters=rope(100000.0))),
    # An adapter whose modules differ in rank and scale, which goes by the root of the rank.
    "patterns": dict(
        seed=9, dtype=torch.float32, config=Qwen2Config, fields=SHAPE | dict(rope_parameters=rope(1000.0)),
        lora=dict(r=4, lora_alpha=8, use_rslora=True, alpha_pattern={"v_proj": 5},
                  rank_pattern={"layers.1.self_attn.q_proj": 2, "down_proj": 3})),
    # Learned positions, layer norms, one map for queries, keys and values, weights as (inputs, outputs).
    "gpt2": dict(
        seed=8, dtype=torch.float32, lora=dict(r=4, lora_alpha=8, fan_in_fan_out=True), config=GPT2Config,
        fields=dict(n_embd=32, n_layer=2, n_head=4, n_positions=64, n_inner=None)),
}


def make(name, case):
    torch.manual_seed(case["seed"])
    torch.set_num_threads(1)
    directory = HERE / name
    directory.mkdir(exist_ok=True)
    for old in directory.glob("model*"):
        old.unlink()
    config = case["config"](vocab_size=VOCAB, bos_token_id=0, eos_token_id=0, **case["fields"])
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            wide = torch.randn_like(parameter) * 0.15
            gain = parameter.dim() == 1 and key.endswith("weight")
            parameter.copy_((1 + wide if gain else wide).to(case["dtype"]).float())
    save_weights(model, config, case, directory)
    (directory / "config.json").write_text(json.dumps(config.to_dict(), indent=1, default=str) + "\n")
    vocabulary = {f"<{i}>": i for i in range(VOCAB)}
    (directory / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": vocabulary, "merges": []}}) + "\n")

    golden = {}
    tokens = torch.randint(VOCAB, (EXAMPLES, TOKENS))
    golden["tokens"] = tokens
    golden["base_logits"] = model(tokens[:1]).logits[0]
    golden["base_hidden"] = model.base_model(tokens[:1]).last_hidden_state[0]
    golden["greedy"] = model.generate(tokens[:1], max_new_tokens=DRAWN, do_sample=False, eos_token_id=None)[0, TOKENS:]
    golden["drawn"] = drawn(model, tokens[:1])
    weights = torch.rand(EXAMPLES, TOKENS)
    weights[:, 0] = 9  # Never counts: nothing predicts the first token.
    golden["weights"] = weights
    (nll(model, tokens) * weights[:, 1:]).sum().backward()
    for key, parameter in model.named_parameters():
        golden[f"full.{key}"] = parameter.grad

    paths = FUSED if name == "gpt2" else GATED
    lora = dict(case["lora"])
    targets = lora.pop("targets", list(paths))
    peft = get_peft_model(model, LoraConfig(
        task_type="CAUSAL_LM", target_modules=sorted({paths[target].split(".")[-1] for target in targets}), **lora))
    with torch.no_grad():
        for key, parameter in peft.named_parameters():
            if "lora_" in key:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
    peft.save_pretrained(directory / "adapter")
    (directory / "adapter" / "README.md").unlink(missing_ok=True)
    golden["logits"] = peft(tokens[:1]).logits[0]

    parameters = dict(peft.named_parameters())
    layers = "transformer.h" if name == "gpt2" else "model.layers"
    modules = [f"base_model.model.{layers}.{layer}.{paths[target]}"
               for layer in range(config.num_hidden_layers) for target in paths if target in targets]
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
    if name == "patterns":
        # Gradients are of other shapes and scales than ours: such an adapter is read into one rank and one scale.
        golden = {key: value for key, value in golden.items()
                  if not key.startswith("base_model.") and not key.startswith("curve") and key not in ("projection", "features")}
    save_file({key: value.detach().float().contiguous() for key, value in golden.items()}, directory / "golden.safetensors")
    print(name, "loss", curve[0].item(), "->", curve[-1].item())


def save_weights(model, config, case, directory):
    tied = config.tie_word_embeddings
    state = {key: value.to(case["dtype"]).contiguous() for key, value in model.state_dict().items()
             if not (tied and key == "lm_head.weight")}
    shards = case.get("shards", 1)
    if shards == 1:
        save_file(state, directory / "model.safetensors", {"format": "pt"})
        return
    index = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {key: value for place, (key, value) in enumerate(state.items()) if place % shards == shard}
        save_file(part, directory / name, {"format": "pt"})
        index |= dict.fromkeys(part, name)
    total = sum(value.numel() * value.element_size() for value in state.values())
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=1)
    (directory / "model.safetensors.index.json").write_text(text + "\n")


def drawn(model, tokens):
    """Sampling by argmax of logit / temperature + Gumbel noise over the highest logits, from the definition in sampling.ts."""
    text, result = tokens, []
    for position in range(DRAWN):
        logits = model(text).logits[0, -1]
        allowed = torch.topk(logits, TOP_K).indices.tolist()
        token = max(allowed, key=lambda t: logits[t].item() / TEMPERATURE + gumbel(position, t))
        result.append(token)
        text = torch.cat([text, torch.tensor([[token]])], dim=1)
    return torch.tensor(result)


def gumbel(position, token):
    digest = keccak256(SEED + position.to_bytes(32, "big") + token.to_bytes(32, "big"))
    uniform = (int.from_bytes(digest[:7], "big") + 0.5) / 2**56
    return -math.log(-math.log(uniform))


def keccak256(data):
    """Keccak with rate 1088 and the padding of the first submission, as Ethereum uses it (FIPS 202 has another padding byte)."""
    rate, state = 136, [0] * 25
    data += b"\x01" + bytes((-len(data) - 2) % rate) + b"\x80"
    for start in range(0, len(data), rate):
        for lane in range(rate // 8):
            state[lane] ^= int.from_bytes(data[start + 8 * lane : start + 8 * lane + 8], "little")
        state = permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def permute(a):
    def turn(x, by):
        return (x << by | x >> (64 - by)) & (2**64 - 1) if by else x

    lfsr = 1
    for _ in range(24):
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        a = [a[i] ^ c[(i + 4) % 5] ^ turn(c[(i + 1) % 5], 1) for i in range(25)]
        x, y, moved = 1, 0, list(a)
        for t in range(24):
            target = y + 5 * ((2 * x + 3 * y) % 5)
            moved[target] = turn(a[x + 5 * y], (t + 1) * (t + 2) // 2 % 64)
            x, y = y, (2 * x + 3 * y) % 5
        a = [moved[i] ^ (~moved[i // 5 * 5 + (i + 1) % 5] & moved[i // 5 * 5 + (i + 2) % 5] & (2**64 - 1)) for i in range(25)]
        for j in range(7):
            if lfsr & 1:
                a[0] ^= 1 << (2**j - 1)
            lfsr = lfsr << 1 ^ (0x171 if lfsr & 0x80 else 0)
    return a


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
