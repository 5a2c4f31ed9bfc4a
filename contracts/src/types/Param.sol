// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/**
 * @notice What governance may move, four to a storage word: a word is one group, read together. Every value fits 64 bits:
 * amounts are in gwei, shares in basis points. Repeats `protocol/parameters.ts`, in its order.
 */
enum Param {
    // group 0: what the posting of a batch reads
    WindowSeconds,
    BatchBondGwei,
    StrictnessStepBps,
    CollectionBatches,
    // group 1: stakes
    MinimumStakeGwei,
    ExitDelaySeconds,
    EquivocationSlashBps,
    EndorserSlashBps,
    // group 2: how the fee of an answer is split; what is missing to 10,000 goes to the treasury
    WorkerBps,
    ValidatorsBps,
    ModelOwnerBps,
    ContributorsBps,
    // group 3: stakers' part of it, and the same for a fine-tune
    StakersBps,
    TuneWorkerBps,
    TuneValidatorsBps,
    TuneStakersBps,
    // group 4: the attribution threshold's bounds and its target
    StrictnessMinTenths,
    StrictnessMaxTenths,
    PayeesTargetTenths,
    ReporterBps,
    // group 5: challenges and juries
    ChallengeBondGwei,
    JurySeats,
    CommitSeconds,
    RevealSeconds,
    // group 6: data
    AnswerSeconds,
    ContributionBondGwei,
    ReviewSeconds,
    ReviewSlashBps
}
