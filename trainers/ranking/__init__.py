"""What training of every family has in common that ranks a conversation's candidate stickers."""
