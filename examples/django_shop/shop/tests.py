"""The shop's tests: ``manage.py test``. Nothing is sent, and each test is rolled back."""

from django.contrib.auth.models import User
from django.test import TestCase

from dispatcher.contrib.django.testing import assert_nothing_submitted, submitted, texts

FORM = {"reference": "soldes", "text": "Bonjour {{ prenom }}, les soldes !"}


class LaunchTest(TestCase):
    """The page that launches a campaign."""

    fixtures = ["customers"]

    def setUp(self):
        """Sign somebody in."""
        self.client.force_login(User.objects.create_user("zoe"))

    def test_campaign_reaches_whoever_has_consented(self):
        """One text each, with the name of its recipient."""
        with submitted() as campaigns:
            self.client.post("/", FORM)

        self.assertEqual([one.reference for one in campaigns], ["soldes"])
        self.assertEqual(len(texts("soldes")), 11)
        self.assertIn("Bonjour Zoé, les soldes !", texts("soldes")["+33639980001"])

    def test_campaign_without_a_text_is_refused(self):
        """The form says why, and nothing is stored."""
        answer = self.client.post("/", {**FORM, "text": "Bonjour {{ nom }}"})

        self.assertContains(answer, "no such field among the recipients")
        assert_nothing_submitted()
