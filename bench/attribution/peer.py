"""EK-FAC influence as kronfluence computes it: the other side of `npm run bench -- attribution --only retraining`.

Reads from standard input, in JSON: `model` and `adapter` (folders), `examples` (token ids of each training example) and
`queries` (prompt and answer of each). Prints the scores (queries, examples); what is positive lowers a query's loss.

pip install torch transformers peft kronfluence
"""

import contextlib
import json
import os
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import peft
import torch
import transformers
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task

NOT_PREDICTED = -100


class Answers(Task):
    def __init__(self, modules):
        super().__init__()
        self.modules = modules

    def get_influence_tracked_modules(self):
        return self.modules

    def compute_train_loss(self, batch, model, sample=False):
        tokens, labels = batch
        logits = model(tokens[:, :-1], use_cache=False).logits.float()
        labels = labels[:, 1:]
        if sample:
            with torch.no_grad():
                drawn = torch.multinomial(logits.softmax(-1).flatten(0, 1), 1).view_as(labels)
            labels = torch.where(labels == NOT_PREDICTED, labels, drawn)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels.flatten(), ignore_index=NOT_PREDICTED, reduction="sum")

    def compute_measurement(self, batch, model):
        return self.compute_train_loss(batch, model)

    def get_attention_mask(self, batch):
        return None


class Texts(torch.utils.data.Dataset):
    """Texts of equal length: shorter ones have tokens behind them that count for nothing."""

    def __init__(self, texts):
        longest = max(len(prompt) + len(answer) for prompt, answer in texts)
        self.items = []
        for prompt, answer in texts:
            rest = longest - len(prompt) - len(answer)
            labels = [NOT_PREDICTED] * len(prompt) + answer + [NOT_PREDICTED] * rest
            self.items.append((torch.tensor(prompt + answer + [0] * rest), torch.tensor(labels)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        return self.items[place]


def scores(model, adapter, examples, queries):
    torch.manual_seed(0)
    base = transformers.AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.float32, attn_implementation="eager")
    tuned = peft.PeftModel.from_pretrained(base, adapter, is_trainable=True).eval()
    modules = [name for name, module in tuned.named_modules()
               if isinstance(module, torch.nn.Linear) and "lora_" in name]
    task = Answers(modules)
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer("retraining", prepare_model(tuned, task), task, cpu=True, output_dir=folder,
                            disable_tqdm=True, log_level=40)
        trained = Texts([([], tokens) for tokens in examples])
        analyzer.fit_all_factors("ekfac", trained, per_device_batch_size=8,
                                 factor_args=FactorArguments(strategy="ekfac"))
        analyzer.compute_pairwise_scores(
            "scores", "ekfac", Texts(queries), trained, per_device_query_batch_size=len(queries),
            per_device_train_batch_size=8, score_args=ScoreArguments(damping_factor=None))
        return analyzer.load_pairwise_scores("scores")["all_modules"].tolist()


with contextlib.redirect_stdout(sys.stderr):
    result = scores(**json.load(sys.stdin))
json.dump(result, sys.stdout)
