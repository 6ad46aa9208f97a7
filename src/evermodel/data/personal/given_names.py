"""Common given names of Europe, the Americas and Asia in plain letters, for `names`."""

from __future__ import annotations

__all__ = ["GIVEN_NAMES"]

_WRITTEN = """
aaron ada adam agnes ahmed aisha alan albert alejandro alessandro alex alexander alexandra alfred
alice alina amanda amelia amir amy ana andre andrea andreas andrew andrzej angela anita anja anke
ann anna anne annette annika anthony antje anton antonia antonio arthur astrid barbara beate
beatriz ben benjamin bernd bettina birgit bjorn bob boris brandon brian brigitte bruno camille
carl carla carlos carmen carol caroline catherine cecilia charles charlotte chiara chloe chris
christian christiane christina christine christoph christopher cindy clara claudia claudio
cornelia cristina daniel daniela david deborah denise dennis diana diego dieter dirk dmitry
dominik donald donna dora doris dorothea eduardo edward eleanor elena elif elisabeth elise
elizabeth elke ella ellen elsa emil emily emine emma enrico eric erica erich erik erika ernst
esther eva evelyn fabian fatima fatma federico felix fernando finn florian francesca francesco
francisco frank franz frederic friedrich gabriel gabriela gabriele gary georg george gerd gerhard
gertrud gianni giorgio giovanni gisela giulia giuseppe grace greg gregory guido gunter gustav
hanna hannah hannes hans harald harry hassan heather heidi heike heinrich heinz helen helena helga
helmut hendrik henri henry herbert hermann holger horst hugo ian ibrahim ilse ines inga inge ingo
ingrid irene isabel isabella ivan jack jacob jacques jakob james jan jana jane janet javier jean
jennifer jens jeremy jessica jill joachim joan joanna joao joe johan johann johanna johannes john
jonas jonathan jorge jose josef joseph joshua juan juana judith julia julian julie juliette jurgen
justin kai karen karin karl karsten katarina katharina katherine kathleen kathrin katja kelly
kenneth kerstin kevin kim kimberly klaus kristina kurt lars laura lauren laurent lea lena leo leon
leonie li lina linda lisa louis louise luca lucas lucia lucie luigi luis luisa lukas maja manfred
manuel marc marcel marco marcus margaret margarete maria mariana marie marina mario marion mark
markus marta martha martin martina mary maryam mats matteo matthew matthias matthieu max
maximilian mehmed mehmet mei melanie melissa mia michael michaela michel michelle miguel mila
miriam mohamed mohammed monica monika moritz muhammad mustafa nadine nancy natalia natalie nathan
nicholas nick nico nicolas nicole nikolaus nils nina nora norbert olaf olga oliver olivia omar
oscar oskar otto pablo pamela paola paolo patricia patrick paul paula paulo pedro peggy peter
petra philip philipp pia pierre pieter piotr priya rachel rafael rainer raj ralf ralph ramon
raquel rebecca regina reinhard renate ricardo richard rita robert roberta roberto robin rolf roman
ronald rosa rosalind rosemarie roswitha ruth ryan sabine sabrina salvatore sam samantha samuel
sandra sara sarah sascha scott sebastian sergio sharon silke silvia simon simone sofia sonja
sophia sophie stefan stefanie stephan stephanie stephen steve steven sue susan susanne sven sylvia
tanja tatjana teresa theo theodor theresa thomas thorsten tim timo timothy tina tobias tom tomasz
torsten ulrich ulrike ursula ute uwe valentina vanessa vera veronika victor victoria viktoria
vincent viola virginia vladimir volker walter waltraud wei werner wilhelm willi william wolfgang
xavier yasmin yusuf yvonne zoe zofia
"""
GIVEN_NAMES = frozenset(_WRITTEN.split())
"""A few hundred: a quarter of the people of a table bear one of them where they live there."""
