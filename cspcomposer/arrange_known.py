"""Which textures, instruments and figures of rhythm there are, and which rules a texture needs."""

from __future__ import annotations

from cspcomposer import rulebook, solver, texture
from cspcomposer.candidates_cells import figures
from cspcomposer.errors import BadSpec
from cspcomposer.rulebook_slice import sliced
from cspcomposer.solver import Source
from cspcomposer.specfile import LoadedSpec


def know(loaded: LoadedSpec) -> None:
    """Refuse a texture, an instrument or a figure of rhythm that does not exist.

    Raises:
        BadSpec: there is none of that name.
    """
    spec, faults = loaded.spec, []
    known = sorted({f for _, f in figures().strokes}) if spec.rhythm.figures else []
    for place, name in enumerate(spec.rhythm.figures, 1):
        if name not in known:
            hint = rulebook.near(name, known)
            faults.append(loaded.fault(f"rhythm.figures.{place}", f"no figure '{name}'.", hint))
    if spec.texture is None:
        for field in ("instruments", "contour", "rhythm"):
            if field in spec.model_fields_set:
                said = f"{field} belongs to an invented melody, and there is no texture."
                faults.append(loaded.fault(field, said, "Add a texture, such as texture: song."))
    elif spec.texture not in texture.textures():
        hint = rulebook.near(spec.texture, texture.textures())
        faults.append(loaded.fault("texture", f"there is no texture '{spec.texture}'.", hint))
    else:
        for letter, section in spec.sections.items():
            if section.texture and section.texture not in texture.textures():
                hint = rulebook.near(section.texture, texture.textures())
                said = f"there is no texture '{section.texture}'."
                faults.append(loaded.fault(f"sections.{letter}.texture", said, hint))
        form = texture.texture(spec.texture)
        names = sorted({p.name for p in form.players} | set(form.roles))
        for part, name in spec.instruments.items():
            if part not in names:
                said = f"the texture {spec.texture} has no part or voice '{part}'."
                faults.append(loaded.fault(f"instruments.{part}", said, rulebook.near(part, names)))
            if name not in texture.instruments():
                hint = rulebook.near(name, sorted(texture.instruments()))
                said = f"there is no instrument '{name}'."
                faults.append(loaded.fault(f"instruments.{part}", said, hint))
    if faults:
        raise BadSpec(*faults)


def unjudged(name: str) -> dict[str, str]:
    """Return the rules that say nothing of a texture, switched off, for the last check."""
    home = rulebook.folder() / "choose" / "accompaniment.lp"
    texts = [
        Source(str(p), rulebook.base_part(p)) for p in (rulebook.folder() / "vocabulary.lp", home)
    ]
    kept = sliced([*texts, texture.source(name)], [("unjudged", 1)])
    atoms, _ = solver.consequences(kept, show={"unjudged": 1})
    return {str(a.arguments[0]): "off" for a in atoms}
