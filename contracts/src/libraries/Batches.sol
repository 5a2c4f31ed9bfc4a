// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BatchHeader, Charge} from "../types/Batch.sol";
import {TypedData} from "./TypedData.sol";

/// @notice What the chain keeps of a posted batch; `finalAt` is 0 where there is none.
struct Batch {
    bytes32 receiptsRoot;
    bytes32 payoutRoot;
    uint128 feeWei;
    uint128 payoutWei;
    uint32 receiptCount;
    uint32 payoutCount;
    /// Seconds since 1970 from which the batch may be made final.
    uint64 finalAt;
}

/// @notice The sequence of batches: posted one after the other, made final in the same order.
library Batches {
    using SafeCast for uint256;

    struct State {
        /// Number of the newest posted batch, and of the newest final one.
        uint64 posted;
        uint64 finalised;
        /// Fees of all posted batches, in wei.
        uint128 feesWei;
        mapping(uint64 number => Batch) batches;
    }

    error AlreadyPosted(uint64 number);
    error NumberGap(uint64 number, uint64 next);
    error WrongCharges(bytes32 charges, bytes32 expected);
    error ChargesNotAscending(address payer);
    error WrongFee(uint256 chargedWei, uint256 feeWei);
    error PayoutOverFees(uint256 payoutWei, uint256 feesWei);
    error PayoutShrank(uint256 payoutWei, uint256 previousWei);
    error NotPosted(uint64 number);
    error AlreadyFinal(uint64 number);
    error NotNextToFinalise(uint64 number, uint64 next);
    error WindowOpen(uint64 number, uint64 finalAt);
    error NotFinal(uint64 number);

    /// @notice Cheap and first, since several validators may post the same batch at the same time.
    function requireNext(State storage self, uint64 number) internal view {
        uint64 posted = self.posted;
        if (number <= posted) revert AlreadyPosted(number);
        if (number != posted + 1) revert NumberGap(number, posted + 1);
    }

    /// @notice Appends a batch whose endorsements have been checked.
    function append(State storage self, BatchHeader calldata header, uint64 finalAt) internal {
        uint256 feesWei = self.feesWei + header.feeWei;
        uint256 previousWei = self.batches[self.posted].payoutWei;
        if (header.payoutWei > feesWei) revert PayoutOverFees(header.payoutWei, feesWei);
        if (header.payoutWei < previousWei) revert PayoutShrank(header.payoutWei, previousWei);
        self.posted = header.number;
        self.feesWei = feesWei.toUint128();
        self.batches[header.number] = Batch({
            receiptsRoot: header.receiptsRoot,
            payoutRoot: header.payoutRoot,
            feeWei: header.feeWei.toUint128(),
            payoutWei: header.payoutWei.toUint128(),
            receiptCount: header.receiptCount,
            payoutCount: header.payoutCount,
            finalAt: finalAt
        });
    }

    /// @notice Makes the next batch final, its window being over.
    function finalise(State storage self, uint64 number) internal returns (Batch memory batch) {
        if (number == 0 || number > self.posted) revert NotPosted(number);
        if (number <= self.finalised) revert AlreadyFinal(number);
        if (number != self.finalised + 1) revert NotNextToFinalise(number, self.finalised + 1);
        batch = self.batches[number];
        if (block.timestamp < batch.finalAt) revert WindowOpen(number, batch.finalAt);
        self.finalised = number;
    }

    function finalBatch(State storage self, uint64 number) internal view returns (Batch storage) {
        if (number == 0 || number > self.finalised) revert NotFinal(number);
        return self.batches[number];
    }

    /// @notice Checks that the charges are those of the header: same hash, ascending, and together its fee.
    function requireCharges(BatchHeader calldata header, Charge[] calldata charges) internal pure {
        bytes32 given = TypedData.hashCharges(charges);
        if (given != header.charges) revert WrongCharges(given, header.charges);
        address last = address(0);
        uint256 chargedWei = 0;
        for (uint256 i = 0; i < charges.length; i++) {
            if (charges[i].payer <= last) revert ChargesNotAscending(charges[i].payer);
            last = charges[i].payer;
            chargedWei += charges[i].feeWei;
        }
        if (chargedWei != header.feeWei) revert WrongFee(chargedWei, header.feeWei);
    }
}
