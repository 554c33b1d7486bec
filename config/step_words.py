"""What a step of the escalation policy is called, on pages and by commands. [pure]

Purpose: a person reads "escalation after the due date" and not `enquiry_service_escalation`. The duty is named beside
it, so a step says only whether it comes before the due date or after it. No number of weeks is in a name: a team may
change the number.
"""

from __future__ import annotations

import re

from config.text import in_words

_NAMES = {
    "acknowledgement_missing": "no acknowledgement yet",
    "agreement_notice": "what was agreed in mediation",
    "audit_feedback_given": "feedback of an audit",
    "breach": "the due date has passed",
    "continuing_care_received": "the referral has come",
    "enquiry_service_asked": "question to the service",
    "escalation_icb": "second escalation",
    "escalation_provider": "first escalation",
    "evidence_reminder_2_weeks": "first reminder before the due date",
    "evidence_reminder_3_days": "last reminder before the due date",
    "evidence_requested": "request for evidence",
    "evidence_thanks": "thanks for the evidence",
    "evidence_unacknowledged": "no acknowledgement yet",
    "mediation_day": "day of the mediation",
    "mediation_day_near": "the day of the mediation is near",
    "mediation_notice": "notice of mediation",
    "mediation_reminder_1_week": "first reminder before the due date",
    "mediation_reminder_before": "last reminder before the due date",
    "recommendation_made": "recommendation of the Tribunal",
    "recommendation_reminder_1_week": "last reminder before the due date",
    "recommendation_reminder_2_weeks": "first reminder before the due date",
    "recommendation_thanks": "thanks for the answer to the recommendation",
    "reminder_3_weeks": "first reminder before the due date",
    "reminder_5_weeks": "last reminder before the due date",
    "request_received": "request for advice",
    "review_invited": "invitation to a review",
    "review_thanks": "thanks for the advice for a review",
    "rung_withdrawn": "an earlier e-mail is withdrawn",
    "section23_steps": "what the law asks before the authority is notified",
    "section23_tell_la": "the authority is to be notified",
    "section23_thanks": "thanks for notifying the authority",
    "sender_acknowledged": "the enquiry has come",
    "sender_answered": "the answer to the enquiry",
    "sender_holding": "the answer takes longer",
    "thanks": "thanks for the advice",
    "transfer_begun": "a move has begun",
}
_ENDS = (
    (re.compile(r".+_(soon|due|reminder|reminder_[0-9]+_(days?|weeks?))"), "reminder before the due date"),
    (re.compile(r".+_(late|overdue|breach)"), "reminder after the due date"),
    (re.compile(r".+_escalation"), "escalation after the due date"),
)


def step(rung: str) -> str:
    """The name of a step, or of another reason for an e-mail, such as a fact that somebody is notified of."""
    named = _NAMES.get(rung)
    return named or next((name for end, name in _ENDS if end.fullmatch(rung)), None) or in_words(rung)
