// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, Charge} from "../types/Batch.sol";
import {HashedHeader, HashedReceipt} from "../types/Hashed.sol";
import {Receipt} from "../types/Receipt.sol";
import {Claim, Opening, Vote} from "../types/Statement.sol";

/// @notice `hashStruct` of all that is signed or proved, as `protocol/struct.ts` has it (EIP-712).
library TypedData {
    bytes32 internal constant RECEIPT_TYPE = keccak256(
        "Receipt(bytes32 jobId,string task,address requester,address worker,bytes32 claim,"
        "address[] passedBy,address[] failedBy,string model,string adapter,string output,"
        "bytes32 attribution,uint32 units,uint256 feeWei,uint256 workerWei,uint256 validatorsWei,"
        "uint256 modelOwnerWei,uint256 contributorsWei,uint256 stakersWei,uint256 treasuryWei)"
    );
    bytes32 internal constant BATCH_HEADER_TYPE = keccak256(
        "BatchHeader(uint64 number,uint64 epoch,address proposer,bytes32 receiptsRoot,uint32 receiptCount,uint256 feeWei,bytes32 charges,"
        "uint256 collectedWei,uint256 openWei,bytes32 payoutRoot,uint32 strictness,uint32 answers,uint32 payees,"
        "string data,string availability)"
    );
    bytes32 internal constant CLAIM_TYPE = keccak256(
        "Claim(bytes32 jobId,address worker,string output,bytes32 commitment,bytes32 attribution,uint32 units,"
        "bytes32 graph,uint64 issuedAtMs)"
    );
    bytes32 internal constant VOTE_TYPE = keccak256(
        "Vote(bytes32 jobId,bytes32 claim,address validator,string verdict,string reason,uint32 checked,"
        "uint64 beaconBlock,bytes32 seal,uint64 issuedAtMs)"
    );
    bytes32 internal constant OPENING_TYPE = keccak256(
        "Opening(bytes32 jobId,bytes32 claim,address validator,bytes32 transcript,bytes32 state,uint32 path,"
        "bytes32[] siblings,uint64 issuedAtMs)"
    );
    bytes32 internal constant ENDORSEMENT_TYPE = keccak256("Endorsement(address validator,bytes32 header)");
    bytes32 internal constant VOUCHER_TYPE = keccak256("Voucher(address payer,uint256 cumulativeWei)");
    bytes32 internal constant NODE_CONSENT_TYPE =
        keccak256("NodeConsent(address node,address owner,uint256 roles,uint256 nonce)");

    /// @notice The leaf of a receipt.
    function hashReceipt(Receipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_who(receipt), _what(receipt), _wei(receipt)));
    }

    /// @dev Words are hashed as they stand: one with stray bits is of no receipt, and of no header, that anybody signed.
    function hashReceipt(HashedReceipt calldata receipt) internal pure returns (bytes32 hash) {
        bytes32 typeHash = RECEIPT_TYPE;
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, typeHash)
            calldatacopy(add(words, 32), receipt, 608)
            hash := keccak256(words, 640)
        }
    }

    function hashHeader(HashedHeader calldata header) internal pure returns (bytes32 hash) {
        bytes32 typeHash = BATCH_HEADER_TYPE;
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, typeHash)
            calldatacopy(add(words, 32), header, 480)
            hash := keccak256(words, 512)
        }
    }

    /// @dev The thirteen words before the two texts are hashed as they stand: a word with stray bits is no header that
    /// anybody signed.
    function hashHeader(BatchHeader calldata header) internal pure returns (bytes32 hash) {
        bytes32 typeHash = BATCH_HEADER_TYPE;
        bytes32 data = keccak256(bytes(header.data));
        bytes32 availability = keccak256(bytes(header.availability));
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, typeHash)
            calldatacopy(add(words, 32), header, 416)
            mstore(add(words, 448), data)
            mstore(add(words, 480), availability)
            hash := keccak256(words, 512)
        }
    }

    function hashClaim(Claim calldata claim) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CLAIM_TYPE,
                claim.jobId,
                claim.worker,
                keccak256(bytes(claim.output)),
                claim.commitment,
                claim.attribution,
                claim.units,
                claim.graph,
                claim.issuedAtMs
            )
        );
    }

    function hashVote(Vote calldata vote) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                VOTE_TYPE,
                vote.jobId,
                vote.claim,
                vote.validator,
                keccak256(bytes(vote.verdict)),
                keccak256(bytes(vote.reason)),
                vote.checked,
                vote.beaconBlock,
                vote.seal,
                vote.issuedAtMs
            )
        );
    }

    function hashOpening(Opening calldata opening) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                OPENING_TYPE,
                opening.jobId,
                opening.claim,
                opening.validator,
                opening.transcript,
                opening.state,
                opening.path,
                keccak256(abi.encodePacked(opening.siblings)),
                opening.issuedAtMs
            )
        );
    }

    function hashEndorsement(address validator, bytes32 header) internal pure returns (bytes32) {
        return keccak256(abi.encode(ENDORSEMENT_TYPE, validator, header));
    }

    /// @notice What a validator signs under a header, for a ledger of this domain: `hashEndorsement` in fewer steps.
    function endorsementDigest(bytes32 separator, address validator, bytes32 header)
        internal
        pure
        returns (bytes32 digest)
    {
        bytes32 typeHash = ENDORSEMENT_TYPE;
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore(scratch, typeHash)
            mstore(add(scratch, 32), validator)
            mstore(add(scratch, 64), header)
            let structHash := keccak256(scratch, 96)
            mstore(scratch, 0x1901000000000000000000000000000000000000000000000000000000000000)
            mstore(add(scratch, 2), separator)
            mstore(add(scratch, 34), structHash)
            digest := keccak256(scratch, 66)
        }
    }

    function hashVoucher(address payer, uint256 cumulativeWei) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER_TYPE, payer, cumulativeWei));
    }

    function hashNodeConsent(address node, address owner, uint256 roles, uint256 nonce)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(NODE_CONSENT_TYPE, node, owner, roles, nonce));
    }

    /// @notice `chargesHash` of `protocol/batch.ts`: a word a charge, payer over fee. Also their sum, in wei.
    function hashCharges(Charge[] calldata charges) internal pure returns (bytes32 hash, uint256 sumWei) {
        assembly ("memory-safe") {
            let words := mload(0x40)
            let end := add(words, shl(5, charges.length))
            let charge := charges.offset
            for { let word := words } lt(word, end) { word := add(word, 32) } {
                let feeWei := calldataload(add(charge, 32))
                mstore(word, or(shl(96, calldataload(charge)), feeWei))
                sumWei := add(sumWei, feeWei)
                charge := add(charge, 160)
            }
            hash := keccak256(words, sub(end, words))
        }
    }

    // A receipt has more fields than the stack has places, so its words are laid out in three parts.

    function _who(Receipt calldata receipt) private pure returns (bytes memory) {
        return abi.encode(
            RECEIPT_TYPE,
            receipt.jobId,
            keccak256(bytes(receipt.task)),
            receipt.requester,
            receipt.worker,
            receipt.claim,
            keccak256(abi.encodePacked(receipt.passedBy)),
            keccak256(abi.encodePacked(receipt.failedBy))
        );
    }

    function _what(Receipt calldata receipt) private pure returns (bytes memory) {
        return abi.encode(
            keccak256(bytes(receipt.model)),
            keccak256(bytes(receipt.adapter)),
            keccak256(bytes(receipt.output)),
            receipt.attribution,
            receipt.units
        );
    }

    function _wei(Receipt calldata receipt) private pure returns (bytes memory) {
        return abi.encode(
            receipt.feeWei,
            receipt.workerWei,
            receipt.validatorsWei,
            receipt.modelOwnerWei,
            receipt.contributorsWei,
            receipt.stakersWei,
            receipt.treasuryWei
        );
    }
}
