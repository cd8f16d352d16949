"""Every concrete geometry of the package stands in the dictionaries that the laws run over."""

from constructors import GEOMETRIES
from test_house import bases, equinox_classes

from steepest.geometry import AbstractGeometry


def test_every_geometry_is_here():
    classes = {node.name: bases(node) for node in equinox_classes()}

    def is_geometry(name):
        return any(
            base == "AbstractGeometry" or is_geometry(base) for base in classes.get(name, [])
        )

    concrete = {n for n in classes if is_geometry(n) and not n.startswith("Abstract")}
    assert {"Euclidean", "Spectral", "Power", "NeuronFisher", "IntrinsicFisher"} <= concrete
    made = [make() for make in GEOMETRIES.values()]
    assert all(isinstance(geometry, AbstractGeometry) for geometry in made)
    assert concrete - {type(geometry).__name__ for geometry in made} == set()


def test_an_index_says_which_geometries_freeze_signs():
    made = {name: make() for name, make in GEOMETRIES.items()}
    frozen = {name for name, geometry in made.items() if geometry.freezes_signs}
    powers = {f"power_{a:g}" for a in (1.0, 1.1, 1.5, 2.0, 3.0)}
    assert frozen == {*powers, "entropy", "weber"}
    assert made["3_norm"].index == made["power_-1"].index == -1
    assert made["euclidean"].index == 0
    assert made["coupled"].index is None
