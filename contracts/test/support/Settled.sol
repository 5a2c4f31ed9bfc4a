// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Placed} from "../../src/libraries/Evidence.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BatchHeader} from "../../src/types/Batch.sol";
import {HashedHeader, HashedReceipt} from "../../src/types/Hashed.sol";
import {Receipt} from "../../src/types/Receipt.sol";

/// @notice A receipt and the batch in which it stands.
struct Settled {
    BatchHeader header;
    Receipt receipt;
    uint256 index;
    bytes32[] siblings;
}

/// @notice As it is shown to the chain.
function placedOf(Settled memory settled) pure returns (Placed memory) {
    return Placed(hashed(settled.header), hashed(settled.receipt), settled.index, settled.siblings);
}

function hashOf(BatchHeader memory header) pure returns (bytes32) {
    return keccak256(abi.encode(TypedData.BATCH_HEADER_TYPE, hashed(header)));
}

function hashed(BatchHeader memory header) pure returns (HashedHeader memory) {
    return HashedHeader({
        number: header.number,
        epoch: header.epoch,
        proposer: header.proposer,
        receiptsRoot: header.receiptsRoot,
        receiptCount: header.receiptCount,
        feeWei: header.feeWei,
        charges: header.charges,
        collectedWei: header.collectedWei,
        openWei: header.openWei,
        payoutRoot: header.payoutRoot,
        strictness: header.strictness,
        answers: header.answers,
        payees: header.payees,
        data: keccak256(bytes(header.data)),
        availability: keccak256(bytes(header.availability))
    });
}

function hashed(Receipt memory receipt) pure returns (HashedReceipt memory) {
    return HashedReceipt({
        jobId: receipt.jobId,
        task: keccak256(bytes(receipt.task)),
        requester: receipt.requester,
        worker: receipt.worker,
        claim: receipt.claim,
        passedBy: keccak256(abi.encodePacked(receipt.passedBy)),
        failedBy: keccak256(abi.encodePacked(receipt.failedBy)),
        model: keccak256(bytes(receipt.model)),
        adapter: keccak256(bytes(receipt.adapter)),
        output: keccak256(bytes(receipt.output)),
        attribution: receipt.attribution,
        units: receipt.units,
        feeWei: receipt.feeWei,
        workerWei: receipt.workerWei,
        validatorsWei: receipt.validatorsWei,
        modelOwnerWei: receipt.modelOwnerWei,
        contributorsWei: receipt.contributorsWei,
        stakersWei: receipt.stakersWei,
        treasuryWei: receipt.treasuryWei
    });
}
