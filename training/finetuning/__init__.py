"""Fine-tuning: any task on any pretrained encoder, with graph vectors and adapters where asked for."""
