"""What axe-core has against a page."""

from typing import Final

from playwright.sync_api import Page

from tests.browser.chromium import axe

#: But for the picture at the box of a choice of many, which Django's SelectFilter2.js gives a label without a role.
_RUN: Final = """async rules => {
    const only = rules.length ? {runOnly: {type: 'rule', values: rules}} : {};
    const looked = {include: [document], exclude: [['.selector-filter .help-tooltip']]};
    const found = await axe.run(looked, {resultTypes: ['violations'], ...only});
    return found.violations
        .filter(each => ['serious', 'critical'].includes(each.impact))
        .map(each => `${each.id}: ${each.help}: ${each.nodes.slice(0, 3).map(node => node.html).join(' | ')}`);
}"""


def violations(page: Page) -> list[str]:
    """Return the serious and critical ones, in light and in dark; the page's context must bypass the policy."""
    page.add_script_tag(path=axe())
    # Else it would measure colours on their way from light to dark.
    page.add_style_tag(content="* { transition: none !important; }")
    found = page.evaluate(_RUN, [])
    page.emulate_media(color_scheme="dark")
    return [*found, *(f"dark: {each}" for each in page.evaluate(_RUN, ["color-contrast"]))]
