"""Prompts, their versions and validations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common import failures
from ...common.pages import Before, Limit, after, last_of_page
from ...common.texts import Text
from ...common.views import Page, missing, not_found, page_of
from .. import publishing, templates, validating
from ..api import (
    PromptChange,
    PromptIn,
    PromptView,
    PublishIn,
    ValidationChange,
    ValidationIn,
    ValidationView,
    VersionPage,
    VersionView,
    variables_of,
)
from ..models import Prompt, PromptStatus
from ..queries import prompt_versions, prompts, validations
from . import SIGNED_IN, User

router = APIRouter(prefix="/prompts", tags=["prompts"], responses=SIGNED_IN)
switching = APIRouter(prefix="/validations", tags=["validations"], responses=SIGNED_IN)
NO_PROMPT = not_found("prompt")
NO_VALIDATION = not_found("validation")
WAS_RUN = failures.also(409, "The prompt has been run")
LAST = 2**31 - 1


@router.post("", status_code=201)
async def begin_prompt(pool: Pool, user: User, body: PromptIn) -> PromptView:
    """Begin a draft."""
    variables = variables_of(body.variables)
    templates.verify(body.template, variables)
    prompt = await prompts.add(
        pool,
        user_id=user,
        name=body.name,
        description=body.description,
        template=body.template,
        variables=variables,
        tags=body.tags,
    )
    return _view(prompt)


@router.get("")
async def list_prompts(
    pool: Pool, user: User, before: Before, status: PromptStatus | None = None, limit: Limit = 20
) -> Page[PromptView]:
    """My prompts, or those of a status, the newest first, a page at a time."""
    wanted = assay.OMIT if status is None else status
    return page_of(await prompts.newest(pool, user, status=wanted, **after(before), limit=limit + 1), limit, _view)


@router.get("/search")
async def search_prompts(pool: Pool, user: User, term: Annotated[Text, Query()]) -> list[PromptView]:
    """My published prompts whose name or description contains a term, in whatever case; ten at most."""
    return [_view(prompt) for prompt in await prompts.search(pool, user, term)]


@router.get("/{prompt_id}", responses=NO_PROMPT)
async def show_prompt(pool: Pool, user: User, prompt_id: UUID) -> PromptView:
    """A prompt."""
    return _view(await own_prompt(pool, prompt_id, user))


@router.patch("/{prompt_id}", responses=NO_PROMPT)
async def change_prompt(pool: Pool, user: User, prompt_id: UUID, body: PromptChange) -> PromptView:
    """Change what is given of a prompt; its published versions stay what they are."""
    async with pool.transaction() as transaction:
        now = await own_prompt(transaction, prompt_id, user)
        variables = assay.OMIT if body.variables is None else variables_of(body.variables)
        template = assay.OMIT if body.template is None else body.template
        prompt = await prompts.change(
            transaction,
            prompt_id,
            user,
            name=assay.OMIT if body.name is None else body.name,
            description=body.description if "description" in body.model_fields_set else assay.OMIT,
            template=template,
            variables=variables,
            tags=assay.OMIT if body.tags is None else body.tags,
        )
        changed = prompt or now
        templates.verify(changed.template, changed.variables)
    return _view(changed)


@router.delete("/{prompt_id}", status_code=204, responses={**NO_PROMPT, **WAS_RUN})
async def remove_prompt(pool: Pool, user: User, prompt_id: UUID) -> None:
    """Remove a prompt that was never run; one that was can be archived."""
    try:
        removed = await prompts.remove(pool, prompt_id, user)
    except assay.ForeignKeyViolation:
        raise HTTPException(409, "this prompt has been run; archive it instead") from None
    if not removed:
        raise missing("prompt", prompt_id)


@router.post("/{prompt_id}/publish", responses=NO_PROMPT)
async def publish_prompt(pool: Pool, user: User, prompt_id: UUID, body: PublishIn) -> PromptView:
    """Publish a prompt under its next version, and keep what it looks like."""
    published = await publishing.publish(pool, prompt_id, user, body.change_log)
    if published is None:
        raise missing("prompt", prompt_id)
    return _view(published[0])


@router.post("/{prompt_id}/archive", responses=NO_PROMPT)
async def archive_prompt(pool: Pool, user: User, prompt_id: UUID) -> PromptView:
    """Put a prompt away."""
    prompt = await prompts.archive(pool, prompt_id, user)
    if prompt is None:
        raise missing("prompt", prompt_id)
    return _view(prompt)


@router.get("/{prompt_id}/versions", responses=NO_PROMPT)
async def list_versions(
    pool: Pool,
    user: User,
    prompt_id: UUID,
    before: Annotated[int | None, Query(ge=1, le=LAST)] = None,
    limit: Limit = 20,
) -> VersionPage:
    """A prompt's published versions, the newest first, a page at a time."""
    await own_prompt(pool, prompt_id, user)
    found = await prompt_versions.newest(
        pool, prompt_id, before=assay.OMIT if before is None else before, limit=limit + 1
    )
    last = last_of_page(found, limit)
    items = [VersionView.model_validate(version) for version in found[:limit]]
    return VersionPage(items=items, next=last.version if last else None)


@router.post("/{prompt_id}/validations", status_code=201, responses=NO_PROMPT)
async def add_validation(pool: Pool, user: User, prompt_id: UUID, body: ValidationIn) -> ValidationView:
    """Ask something of a prompt's outputs from now on."""
    await own_prompt(pool, prompt_id, user)
    validating.verify(body.type, body.config)
    try:
        added = await validations.add(pool, prompt_id=prompt_id, name=body.name, type_=body.type, config=body.config)
    except assay.ForeignKeyViolation:
        # It was removed since it was looked up.
        raise missing("prompt", prompt_id) from None
    return ValidationView.model_validate(added)


@router.get("/{prompt_id}/validations", responses=NO_PROMPT)
async def list_validations(pool: Pool, user: User, prompt_id: UUID) -> list[ValidationView]:
    """All that is asked of a prompt's outputs."""
    await own_prompt(pool, prompt_id, user)
    return [ValidationView.model_validate(one) for one in await validations.of_prompt(pool, prompt_id)]


@switching.patch("/{validation_id}", responses=NO_VALIDATION)
async def switch_validation(pool: Pool, user: User, validation_id: UUID, body: ValidationChange) -> ValidationView:
    """Ask it no longer, or again."""
    validation = await validations.switch(pool, validation_id, user, body.is_active)
    if validation is None:
        raise missing("validation", validation_id)
    return ValidationView.model_validate(validation)


@switching.delete("/{validation_id}", status_code=204, responses=NO_VALIDATION)
async def remove_validation(pool: Pool, user: User, validation_id: UUID) -> None:
    """Remove what was asked."""
    if not await validations.remove(pool, validation_id, user):
        raise missing("validation", validation_id)


async def own_prompt(db: assay.Executor, prompt_id: UUID, user: UUID) -> Prompt:
    """The user's prompt; the answer is 404 when they have no such one."""
    prompt = await prompts.of_user(db, prompt_id, user)
    if prompt is None:
        raise missing("prompt", prompt_id)
    return prompt


def _view(prompt: Prompt) -> PromptView:
    return PromptView.model_validate(prompt)
