package configs

import (
	"slices"
	"strings"
)

// foreignKeys are keys and options of transformers, of Google's BERT and of programs like them, with what says the same
// here: a key, perhaps with its value.
func foreignKeys() []struct {
	names []string
	ours  string
} {
	return []struct {
		names []string
		ours  string
	}{
		{[]string{"lr", "learning_rate", "peak_lr"}, "optimizer.learning_rate"},
		{[]string{"weight_decay", "wd"}, "optimizer.weight_decay"},
		{[]string{"adam_beta1"}, "optimizer.beta1"},
		{[]string{"adam_beta2"}, "optimizer.beta2"},
		{[]string{"adam_epsilon", "eps"}, "optimizer.epsilon"},
		{[]string{"max_grad_norm", "gradient_clip_val", "clip_grad"}, "optimizer.clip_norm"},
		{[]string{"optim", "optimizer_name"}, "optimizer.name"},
		{[]string{"max_seq_length", "max_length", "max_len", "max_seq_len", "block_size", "seq_length"}, "task.sequence"},
		{[]string{"batch_size", "train_batch_size", "per_device_train_batch_size", "per_gpu_train_batch_size"}, "task.batch"},
		{[]string{"gradient_accumulation_steps", "micro_batch_size"}, "task.micro_batch"},
		{[]string{"max_predictions_per_seq"}, "task.max_predictions"},
		{[]string{"masked_lm_prob", "mlm_probability"}, "task.mask_rate"},
		{[]string{"short_seq_prob"}, "task.short_rate"},
		{[]string{"dupe_factor"}, "task.duplicate_factor"},
		{[]string{"do_whole_word_mask", "whole_word_mask", "wwm"}, `task.masking = "whole_word"`},
		{[]string{"label_smoothing_factor"}, "task.label_smoothing"},
		{[]string{"label_list", "labels"}, "task.labels"},
		{[]string{"load_best_model_at_end"}, `task.keep = "best_dev"`},
		{[]string{"pad_to_max_length"}, `task.padding = "full"`},
		{[]string{"num_train_epochs", "epochs", "num_epochs", "max_epochs", "n_epochs"}, "schedule.epochs"},
		{[]string{"max_steps", "num_train_steps", "train_steps", "steps"}, "schedule.steps"},
		{[]string{"warmup_steps", "num_warmup_steps"}, "schedule.warmup_steps"},
		{[]string{"warmup_ratio", "warmup_proportion"}, "schedule.warmup_fraction"},
		{[]string{"lr_scheduler_type", "lr_scheduler"}, "schedule.kind"},
		{[]string{"fp16", "bf16", "amp", "mixed_precision"}, `device.precision = "bfloat16"`},
		{[]string{"dataloader_num_workers", "num_workers"}, "device.workers"},
		{[]string{"model_name_or_path", "bert_model", "init_checkpoint", "model_name", "pretrained_model", "bert_config_file", "vocab_file", "tokenizer_name"}, "model.init"},
		{[]string{"input_file", "train_data_file"}, "data.shards"},
		{[]string{"train_file", "data_dir", "train_data_file"}, "data.train"},
		{[]string{"validation_file", "dev_file", "eval_data_file"}, "data.dev"},
		{[]string{"test_file"}, "data.test"},
		{[]string{"max_train_samples"}, "data.train_examples"},
		{[]string{"max_predict_samples"}, "data.test_examples"},
		{[]string{"output_dir", "out_dir", "save_dir", "logging_dir"}, "run.dir"},
		{[]string{"seed", "random_seed"}, "run.seed"},
		{[]string{"early_stopping_patience"}, "run.patience"},
		{[]string{"save_steps", "save_checkpoints_steps"}, "checkpoint.every_steps"},
		{[]string{"save_total_limit", "keep_checkpoint_max"}, "checkpoint.keep"},
		{[]string{"logging_steps", "iterations_per_loop"}, "record.every_steps"},
		{[]string{"eval_steps", "evaluation_steps"}, "record.evaluate_every"},
	}
}

// nativeOf is what says here, in a config that has the keys known, what key says elsewhere; empty if nothing does.
func nativeOf(key string, known []string) string {
	last := strings.ToLower(strings.ReplaceAll(key[strings.LastIndex(key, ".")+1:], "-", "_"))
	for _, f := range foreignKeys() {
		ours, _, _ := strings.Cut(f.ours, " = ")
		if slices.Contains(f.names, last) && slices.Contains(known, ours) {
			return f.ours
		}
	}
	return ""
}
