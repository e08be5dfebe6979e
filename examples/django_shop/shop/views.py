"""A page to launch a campaign, and one to follow it."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import redirect, render

from dispatcher import DispatcherError, NotFound
from dispatcher.contrib.django import dispatcher
from shop.models import Customer


class CampaignForm(forms.Form):
    """Its name, and what to say."""

    reference = forms.SlugField(initial="soldes-2027")
    text = forms.CharField(widget=forms.Textarea, initial="Bonjour {{ prenom }}, les soldes !")


@login_required
def launch(request):
    """Text every customer who has consented; the user who is signed in goes on record."""
    form = CampaignForm(request.POST or None)
    if form.is_valid():
        reference, text = form.cleaned_data["reference"], form.cleaned_data["text"]
        people = Customer.objects.filter(consented=True)
        try:
            dispatcher.submit(reference, text, people, fields={"prenom": "first_name"})
            return redirect("follow", reference)
        except DispatcherError as error:  # one sentence; nothing was stored
            form.add_error(None, str(error))
    return render(request, "shop/launch.html", {"form": form})


@login_required
def follow(request, reference):
    """Show how far a campaign is."""
    try:
        campaign = dispatcher.progress(reference)
    except NotFound as error:
        raise Http404(str(error)) from None
    return render(request, "shop/follow.html", {"campaign": campaign})
