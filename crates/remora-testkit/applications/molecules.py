"""OpenMM, a code for molecular dynamics: charged molecules in a box, a hundred steps. Where they are then goes to stdout raw."""

import struct
import sys

import openmm
from openmm import unit

SIDE, SPACING = 6, 0.35
system = openmm.System()
bonds = openmm.HarmonicBondForce()
forces = openmm.NonbondedForce()
forces.setNonbondedMethod(openmm.NonbondedForce.PME)
forces.setCutoffDistance(0.8)
positions = []
for index in range(SIDE**3):
    x, y, z = (index // SIDE**power % SIDE * SPACING for power in range(3))
    for charge, shift in ((0.3, 0.0), (-0.3, 0.12)):
        system.addParticle(20)
        forces.addParticle(charge, 0.25, 0.4)
        positions.append(openmm.Vec3(x + shift, y + shift * 0.3, z))
    bonds.addBond(2 * index, 2 * index + 1, 0.12, 50000)
    forces.addException(2 * index, 2 * index + 1, 0, 1, 0)
system.addForce(bonds)
system.addForce(forces)
side = SIDE * SPACING
system.setDefaultPeriodicBoxVectors((side, 0, 0), (0, side, 0), (0, 0, side))

integrator = openmm.LangevinMiddleIntegrator(300, 1, 0.002)
integrator.setRandomNumberSeed(11)
platform = openmm.Platform.getPlatformByName("OpenCL")
context = openmm.Context(system, integrator, platform, {"Precision": "mixed"})
context.setPositions(positions)
context.setVelocitiesToTemperature(300, 5)
integrator.step(100)
state = context.getState(getPositions=True, getVelocities=True, getForces=True, getEnergy=True)
for values in state.getPositions(), state.getVelocities(), state.getForces():
    for value in values._value:
        sys.stdout.buffer.write(struct.pack("3d", *value))
for energy in state.getPotentialEnergy(), state.getKineticEnergy():
    energy = energy.value_in_unit(unit.kilojoule_per_mole)
    if not abs(energy) < 1e5:
        sys.exit("the molecules have flown apart")
    sys.stdout.buffer.write(struct.pack("d", energy))
