"""The relation classifiers of subbert that transformers does not have, for AutoModelForSequenceClassification with trust_remote_code=True.

A classifier over a summary of BERT's last layer, as the key "subbert" of config.json says: pooling is cls_raw, mean, mention,
attention, lstm or bilstm; with_cls puts the state of [CLS] before the summary; sll_mask says which positions the summary runs over.
Axes: B rows, S positions, H hidden size.
"""

import torch
from torch import nn
from transformers import BertModel, BertPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class SubbertForSequenceClassification(BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        settings = config.subbert
        self.pooling = settings["pooling"]
        self.with_cls = settings["with_cls"]
        self.positions = settings["sll_mask"] == "positions"
        self.layers = settings.get("layers") or [-1]
        self.sequence = settings["sequence"]
        self.hard_sigmoid = settings.get("hard_sigmoid", False)
        widths = {"cls_raw": len(self.layers), "mean": 1, "mention": 2, "attention": 1, "lstm": 1, "bilstm": 2}
        if self.pooling not in widths:
            raise ValueError("config.json: subbert: pooling %r, want one of %s" % (self.pooling, ", ".join(widths)))
        hidden = config.hidden_size
        self.bert = BertModel(config, add_pooling_layer=False)
        self.sll = nn.ModuleDict()
        if self.pooling == "attention":
            self.sll["attention"] = nn.Linear(hidden, 1, bias=False)
        if self.pooling in ("lstm", "bilstm"):
            self.sll["lstm"] = nn.LSTM(hidden, hidden, batch_first=True, bidirectional=self.pooling == "bilstm")
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(hidden * (widths[self.pooling] + (self.with_cls and self.pooling != "cls_raw")), config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, mention_positions=None, labels=None, **_):
        """Logits [B,labels]. mention_positions [B,2,2], for pooling "mention" only, has for each row the positions of the first and
        of the second mention in input_ids, each as a start and an end that is excluded; (0,0) is a mention that was cut off."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        missing = self.sequence - input_ids.shape[1]
        if self.positions and missing > 0:  # the summary runs over padding too, so that its length matters
            input_ids = nn.functional.pad(input_ids, (0, missing), value=self.config.pad_token_id or 0)
            attention_mask, token_type_ids = (nn.functional.pad(t, (0, missing)) for t in (attention_mask, token_type_ids))
        encoded = self.bert(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids, output_hidden_states=True, return_dict=True)
        features = self.pool(encoded.hidden_states, attention_mask, mention_positions)
        logits = self.classifier(self.dropout(features))
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def pool(self, layers, attention_mask, mention_positions):
        """What the classifier sees: [B, features]."""
        if self.pooling == "cls_raw":
            return torch.cat([layers[i][:, 0] for i in self.layers], dim=-1)
        x = layers[-1]
        if self.pooling == "mention":
            summary = self.mentions(x, mention_positions)
        else:
            summary = getattr(self, self.pooling)(x, self.summarised(attention_mask))
        return torch.cat([x[:, 0], summary], dim=-1) if self.with_cls else summary

    def summarised(self, attention_mask):
        """1 at the positions that the summary runs over [B,S]: from the second to the last but one of a row, of which [SEP] is the last, or,
        with sll_mask "positions", padding is."""
        position = torch.arange(attention_mask.shape[1], device=attention_mask.device)
        last = attention_mask.shape[1] - 1 if self.positions else attention_mask.sum(1, keepdim=True) - 1
        return ((position > 0) & (position < last)).expand(attention_mask.shape).to(self.dtype)

    @staticmethod
    def mean(x, mask):
        return (mask.unsqueeze(-1) * x).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)

    def mentions(self, x, mention_positions):
        """The mean of each mention, side by side [B,2H]."""
        if mention_positions is None:
            raise ValueError('pooling "mention" needs mention_positions: for each row [[start, end], [start, end]] of the two mentions in input_ids')
        position = torch.arange(x.shape[1], device=x.device)
        spans = torch.as_tensor(mention_positions, device=x.device)
        return torch.cat([self.mean(x, ((position >= s[:, :1]) & (position < s[:, 1:])).to(x.dtype)) for s in spans.unbind(1)], dim=-1)

    def attention(self, x, mask):
        scores = self.sll["attention"](x).squeeze(-1) - 1e9 * (1 - mask)
        return ((scores.softmax(-1) * mask).unsqueeze(1) @ x).squeeze(1)

    def lstm(self, x, mask):
        return self.last_state(x, mask, "", range(x.shape[1]))

    def bilstm(self, x, mask):
        return torch.cat([self.lstm(x, mask), self.last_state(x, mask, "_reverse", reversed(range(x.shape[1])))], dim=-1)

    def last_state(self, x, mask, direction, order):
        """The state of one direction of the LSTM after the positions of mask [B,H]; other positions leave it as it is."""
        weights = self.sll["lstm"]
        w, u, b, c = (getattr(weights, name + "_l0" + direction) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        inputs = x @ w.T + b + c
        h = cell = x.new_zeros(x.shape[0], x.shape[2])
        for t in order:
            i, f, g, o = (inputs[:, t] + h @ u.T).chunk(4, dim=-1)
            after = self.gate(f) * cell + self.gate(i) * g.tanh()
            keep = mask[:, t : t + 1]
            h = keep * (self.gate(o) * after.tanh()) + (1 - keep) * h
            cell = keep * after + (1 - keep) * cell
        return h

    def gate(self, x):
        """The sigmoid, or Keras's piecewise linear one."""
        return (0.2 * x + 0.5).clamp(0, 1) if self.hard_sigmoid else x.sigmoid()
