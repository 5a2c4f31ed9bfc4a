// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BatchHeader, Charge} from "../types/Batch.sol";
import {Fault} from "../types/Fault.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {TypedData} from "./TypedData.sol";

/// @notice What the chain keeps of a posted batch, in one word. Whoever needs more of it brings the header.
struct Batch {
    /// The first 192 bits of the header's hash: as hard to meet as is needed, and they leave room for the rest.
    bytes24 headerHash;
    /// Seconds since 1970 from which the batch may be made final.
    uint40 finalAt;
    /// The proposer's bond, in thousandths of an OPEN.
    uint24 bondMilli;
}

/// @notice What the newest header says, for the next one to follow on: one slot, the only one that each post writes over.
struct Tail {
    /// Number of the newest posted batch.
    uint40 posted;
    uint40 epoch;
    uint96 openWei;
    uint16 strictness;
    uint32 answers;
    uint32 payees;
}

/**
 * @notice The sequence of batches: posted one after the other, made final in the same order. A batch found false takes all
 * behind it with it, for they build on it; they are taken back from the newest on, each on its own.
 */
library Batches {
    using SafeCast for uint256;

    struct State {
        /// Number of the newest final batch.
        uint64 finalised;
        /// The oldest batch found false and not taken back yet; 0 where there is none.
        uint64 faulty;
        /// Disputes under way that keep a batch from becoming final.
        uint64 holds;
        /// True once a batch was taken back: until then no header can be one that was.
        bool anyVoid;
        Tail tail;
        /// What all posted batches have collected, in wei.
        uint128 collectedWei;
        /// Who showed the oldest false batch to be one. Never empty: writing over a slot costs less than filling it.
        address accuser;
        /// What is false about it.
        Fault found;
        mapping(uint64 number => Batch) batches;
        mapping(uint64 number => uint256) holdsOn;
        /// Batches that were taken back, by the hash of their header,
        mapping(bytes32 headerHash => bool) isVoid;
        /// and what was false about those among them that did not just go with another.
        mapping(bytes32 headerHash => Fault) faultOf;
        /// Those among them whose charges have not been given back.
        mapping(bytes32 headerHash => bool) isOwed;
    }

    error AlreadyPosted(uint64 number);
    error NumberGap(uint64 number, uint64 next);
    error FaultOpen(uint64 number);
    error WrongCharges(bytes32 charges, bytes32 expected);
    error ChargesNotAscending(address payer);
    error WrongFee(uint256 chargedWei, uint256 collectedWei);
    error WrongOpenFees(uint256 openWei, uint256 expectedWei);
    error PayoutOverFees(uint256 payoutWei, uint256 collectedWei);
    error NotPosted(uint64 number);
    error AlreadyFinal(uint64 number);
    error NotNextToFinalise(uint64 number, uint64 next);
    error WindowOpen(uint64 number, uint64 finalAt);
    error InDispute(uint64 number);
    error NotFinal(uint64 number);
    error WrongHeader(uint64 number, bytes32 headerHash, bytes24 expected);
    error NotFaulty(uint64 number);
    error NothingOwed(bytes32 headerHash);
    error WasTakenBack(bytes32 headerHash);

    /// @notice Cheap and first, since several validators may post the same batch at the same time.
    function requireNext(State storage self, uint64 posted, uint64 number) internal view {
        if (self.faulty != 0) revert FaultOpen(self.faulty);
        if (number <= posted) revert AlreadyPosted(number);
        if (number != posted + 1) revert NumberGap(number, posted + 1);
    }

    /// @notice What was found false stays so: the signatures under it are there for ever.
    function requireNotVoid(State storage self, bytes32 headerHash) internal view {
        if (self.anyVoid && self.isVoid[headerHash]) revert WasTakenBack(headerHash);
    }

    /// @notice Appends a batch whose endorsements, epoch and threshold have been checked.
    function append(State storage self, uint96 openBeforeWei, BatchHeader calldata header, Batch memory batch)
        internal
    {
        uint256 dueWei = openBeforeWei + header.feeWei;
        uint256 openWei = header.charges == 0 ? dueWei : 0;
        if (header.openWei != openWei) revert WrongOpenFees(header.openWei, openWei);
        if (header.collectedWei != dueWei - openWei) revert WrongFee(header.collectedWei, dueWei - openWei);
        if (header.charges != 0) {
            uint256 collectedWei = self.collectedWei + header.collectedWei;
            uint256 payoutWei = MerkleTree.sumOf(header.payoutRoot);
            if (payoutWei > collectedWei) revert PayoutOverFees(payoutWei, collectedWei);
            self.collectedWei = collectedWei.toUint128();
        }
        _follow(self, header, header.number);
        self.batches[header.number] = batch;
    }

    /// @notice Makes the next batch final, its window being over.
    function finalise(State storage self, BatchHeader calldata header) internal returns (Batch memory batch) {
        uint64 number = header.number;
        uint64 finalised = self.finalised;
        if (number == 0 || number > finalised + 1) {
            if (number == 0 || number > self.tail.posted) revert NotPosted(number);
            revert NotNextToFinalise(number, finalised + 1);
        }
        if (number <= finalised) revert AlreadyFinal(number);
        if (self.faulty != 0 && number >= self.faulty) revert FaultOpen(self.faulty);
        if (self.holds != 0 && self.holdsOn[number] != 0) revert InDispute(number);
        batch = self.batches[number];
        if (batch.finalAt == 0) revert NotPosted(number);
        if (block.timestamp < batch.finalAt) revert WindowOpen(number, batch.finalAt);
        _requireSame(number, TypedData.hashHeader(header), batch.headerHash);
        self.finalised = number;
    }

    /// @notice Notes that a batch is false, what about it, and who has shown it. It must not be final yet.
    function fault(State storage self, uint64 number, Fault found, address accuser) internal {
        requireOpen(self, number);
        uint64 faulty = self.faulty;
        if (faulty != 0 && faulty <= number) revert FaultOpen(faulty);
        self.faulty = number;
        (self.accuser, self.found) = (accuser, found);
    }

    /**
     * @notice Takes the newest batch back, while it or one before it is known to be false.
     * @param previous The header before; nothing where there is none.
     */
    function takeBack(
        State storage self,
        BatchHeader calldata header,
        bytes32 headerHash,
        BatchHeader memory previous
    ) internal returns (Batch memory batch) {
        uint64 number = self.tail.posted;
        if (self.faulty == 0 || number < self.faulty) revert NotFaulty(number);
        requireHash(self, number, headerHash);
        batch = self.batches[number];
        _follow(self, previous, number - 1);
        delete self.batches[number];
        _letGo(self, number);
        self.anyVoid = true;
        self.isVoid[headerHash] = true;
        if (header.charges != 0) {
            self.collectedWei -= uint128(header.collectedWei);
            self.isOwed[headerHash] = true;
        }
        if (number == self.faulty) {
            self.faulty = 0;
            self.faultOf[headerHash] = self.found;
        }
    }

    /// @notice Checks that the charges of a void batch are still to be given back, and notes that they are.
    function giveBack(
        State storage self,
        BatchHeader calldata header,
        bytes32 headerHash,
        Charge[] calldata charges
    ) internal {
        if (!self.isOwed[headerHash]) revert NothingOwed(headerHash);
        self.isOwed[headerHash] = false;
        requireCharges(header, charges);
    }

    function requireFinal(State storage self, BatchHeader calldata header) internal view {
        if (header.number == 0 || header.number > self.finalised) revert NotFinal(header.number);
        requireHash(self, header.number, TypedData.hashHeader(header));
    }

    /// @notice A batch is open while its window may still end in a dispute.
    function requireOpen(State storage self, uint64 number) internal view {
        if (number == 0 || number > self.tail.posted) revert NotPosted(number);
        if (number <= self.finalised) revert AlreadyFinal(number);
    }

    function requireHash(State storage self, uint64 number, bytes32 headerHash) internal view {
        _requireSame(number, headerHash, self.batches[number].headerHash);
    }

    /// @notice Checks that the charges are those of the header: same hash, ascending, and together what it collects.
    function requireCharges(BatchHeader calldata header, Charge[] calldata charges) internal pure {
        (bytes32 given, uint256 chargedWei) = TypedData.hashCharges(charges);
        if (header.charges == 0 && charges.length == 0) return;
        if (given != header.charges) revert WrongCharges(given, header.charges);
        if (chargedWei != header.collectedWei) revert WrongFee(chargedWei, header.collectedWei);
        address last = address(0);
        for (uint256 i = 0; i < charges.length; i++) {
            if (charges[i].payer <= last) revert ChargesNotAscending(charges[i].payer);
            last = charges[i].payer;
        }
    }

    function _requireSame(uint64 number, bytes32 headerHash, bytes24 expected) private pure {
        if (bytes24(headerHash) != expected) revert WrongHeader(number, headerHash, expected);
    }

    /// @dev Disputes of a batch that is gone hold none that takes its number.
    function _letGo(State storage self, uint64 number) private {
        if (self.holds == 0) return;
        self.holds -= uint64(self.holdsOn[number]);
        delete self.holdsOn[number];
    }

    /// @dev One slot.
    function _follow(State storage self, BatchHeader memory header, uint64 posted) private {
        self.tail = Tail(
            uint40(posted),
            uint40(header.epoch),
            header.openWei.toUint96(),
            uint16(header.strictness),
            header.answers,
            header.payees
        );
    }
}
