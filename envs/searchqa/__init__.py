"""Questions over a searchable collection of passages.

`corpus` holds passages and questions, `library` searches them, `answers` compares answers. Collections come from a
HotpotQA file (`hotpot`) or from a seed (`encyclopedia`, made of `names`, `world`, `prose` and `asking`).
"""
