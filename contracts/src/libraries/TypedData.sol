// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, Charge} from "../types/Batch.sol";
import {Receipt} from "../types/Receipt.sol";

/// @notice `hashStruct` of all that is signed or proved, as `protocol/struct.ts` has it (EIP-712).
library TypedData {
    bytes32 internal constant RECEIPT_TYPE = keccak256(
        "Receipt(bytes32 jobId,string task,address requester,address worker,bytes32 claim,"
        "address[] passedBy,address[] failedBy,string model,string adapter,string output,"
        "bytes32 attribution,uint32 units,uint256 feeWei,uint256 workerWei,uint256 validatorsWei,"
        "uint256 modelOwnerWei,uint256 contributorsWei,uint256 treasuryWei)"
    );
    bytes32 internal constant BATCH_HEADER_TYPE = keccak256(
        "BatchHeader(uint64 number,bytes32 receiptsRoot,uint32 receiptCount,uint256 feeWei,bytes32 charges,"
        "bytes32 payoutRoot,uint32 payoutCount,uint256 payoutWei,string data)"
    );
    bytes32 internal constant ENDORSEMENT_TYPE = keccak256("Endorsement(address validator,bytes32 header)");
    bytes32 internal constant VOUCHER_TYPE = keccak256("Voucher(address payer,uint256 cumulativeWei)");
    bytes32 internal constant NODE_CONSENT_TYPE =
        keccak256("NodeConsent(address node,address owner,uint256 roles,uint256 nonce)");

    /// @notice The leaf of a receipt.
    function hashReceipt(Receipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_who(receipt), _what(receipt), _wei(receipt)));
    }

    function hashHeader(BatchHeader calldata header) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                BATCH_HEADER_TYPE,
                header.number,
                header.receiptsRoot,
                header.receiptCount,
                header.feeWei,
                header.charges,
                header.payoutRoot,
                header.payoutCount,
                header.payoutWei,
                keccak256(bytes(header.data))
            )
        );
    }

    function hashEndorsement(address validator, bytes32 header) internal pure returns (bytes32) {
        return keccak256(abi.encode(ENDORSEMENT_TYPE, validator, header));
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

    /// @notice `chargesHash` of `protocol/batch.ts`: two words a charge.
    function hashCharges(Charge[] calldata charges) internal pure returns (bytes32) {
        bytes memory words = new bytes(charges.length * 64);
        for (uint256 i = 0; i < charges.length; i++) {
            uint256 payer = uint160(charges[i].payer);
            uint256 feeWei = charges[i].feeWei;
            assembly ("memory-safe") {
                let at := add(add(words, 32), mul(i, 64))
                mstore(at, payer)
                mstore(add(at, 32), feeWei)
            }
        }
        return keccak256(words);
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
            receipt.treasuryWei
        );
    }
}
