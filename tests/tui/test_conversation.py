"""The tree of messages: what is edited or regenerated stays beside what took its place."""

from tui.conversation import Conversation


def test_a_regenerated_answer_is_a_sibling_and_both_can_be_shown():
    talk = Conversation()
    talk.add("user", text="Oi")
    first = talk.add("assistant", text="Olá")
    follow = talk.add("user", text="Tudo bem?")
    second = talk.sibling(first)
    second.text = "Bom dia"
    assert [message.text for message in talk.path()] == ["Oi", "Bom dia"]
    assert talk.siblings(first) == [first, second]
    talk.show(first)
    assert talk.path()[-1] is follow


def test_another_first_message_is_a_sibling_too():
    talk = Conversation()
    first = talk.add("user", text="a")
    talk.add("assistant", text="b")
    other = talk.sibling(first)
    assert talk.path() == [other] and talk.siblings(other) == [first, other]
