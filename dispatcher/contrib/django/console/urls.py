"""Where the pages of the console are: include this module at an address of the project."""

from __future__ import annotations

from django.urls import path

from dispatcher.contrib.django.console import reader
from dispatcher.contrib.django.console.views import (
    campaign,
    campaigns,
    compose,
    doubts,
    drafts,
    home,
    installation,
    new_series,
    opt_outs,
    replies,
    results,
    series,
    series_approval,
    signing_in,
    spend,
    testers,
    unreachable,
)

app_name = "console"
urlpatterns = [
    path("", home.show_home, name="home"),
    path("weekly-cap/", home.outlook, name="outlook"),
    path("login/", signing_in.sign_in, name="login"),
    path("logout/", signing_in.sign_out, name="logout"),
    path("language/", reader.choose, name="language"),
    path("new/", compose.begin, name="compose"),
    path("drafts/", drafts.index, name="drafts"),
    path("drafts/<int:number>/", compose.draft_page, name="draft"),
    path("drafts/<int:number>/saved/", compose.saved, name="saved"),
    path("drafts/<int:number>/rejected/", drafts.rejected, name="rejected"),
    path("drafts/<int:number>/test/", testers.test, name="test"),
    path("drafts/<int:number>/<str:name>/", drafts.decide, name="decide"),
    path("testers/", testers.index, name="testers"),
    path("campaigns/", campaigns.index, name="campaigns"),
    path("campaigns/<int:number>/", campaign.detail, name="campaign"),
    path("campaigns/<int:number>/live/", campaign.live, name="live"),
    path("campaigns/<int:number>/results/", results.results, name="results"),
    path("campaigns/<int:number>/<str:name>/", campaign.ask, name="ask"),
    path("series/", series.index, name="all_series"),
    path("series/new/", new_series.begin, name="series_new"),
    path("series/<int:number>/", series.detail, name="series"),
    path("series/<int:number>/plan/", series.plan, name="series_plan"),
    path("series/<int:number>/change/", series.change, name="series_change"),
    path("series/<int:number>/approve/", series_approval.approve, name="series_approve"),
    path("series/<int:number>/<str:name>/", series.ask, name="ask_series"),
    path("batches/<int:number>/", campaign.batch, name="batch"),
    path("doubts/", doubts.index, name="doubts"),
    path("doubts/<int:number>/<str:name>/", doubts.ask, name="ask_doubt"),
    path("opt-outs/", opt_outs.index, name="opt_outs"),
    path("opt-outs/export/", opt_outs.export, name="opt_outs_export"),
    path("unreachable/", unreachable.index, name="unreachable"),
    path("replies/", replies.index, name="replies"),
    path("spend/", spend.index, name="spend"),
    path("spend/file/", spend.download, name="spend_file"),
    path("installation/", installation.checks, name="checks"),
    path("installation/settings/", installation.settings, name="settings"),
    path("installation/record/", installation.record, name="record"),
]
