"""Two parties with private goals come to an agreement, or not.

`scenario` is what they talk about, `generator` makes scenarios from a seed with the texts of `stories`. `talk` reads
what a party says, `cards` tells it what it knows, `partner` answers by a script and `hooks` by a function of one's own;
`expert` knows both cards.
"""
